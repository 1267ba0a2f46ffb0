#include "config.h"

#include <fmt/format.h>
#include <idetcd/version.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include "checked_pools.h"
#include "common/configuration/command_line.h"
#include "common/configuration/config_report.h"
#include "common/directives/directive_table.h"
#include "common/settings/connection.h"
#include "common/system/exit_status.h"
#include "forward/make_forwarder.h"

namespace idetcd::resolver {
namespace {

constexpr std::string_view kDescription =
    "Claims one free name of each pool for this machine and answers DNS for all of them.\n"
    "Every node is started with the same settings.";

constexpr std::string_view kExamples =
    "Examples:\n"
    "  idetcd-resolver --dev\n"
    "      try it with a private etcd, on 127.0.0.1:1053\n"
    "  idetcd-resolver --endpoints http://10.0.0.1:2379 --pattern 'worker{{.ID}}.tf.local.' --limit 5\n"
    "      then: dig +short worker1.tf.local @localhost\n"
    "  idetcd-resolver --conf /etc/idetcd/Corefile\n"
    "  idetcd-resolver --no-claim --listen 127.0.0.1:53\n"
    "      serve the names without claiming one\n"
    "  idetcd-resolver --pattern 'worker{{.ID}}.tf.local.' --pattern 'ps{{.ID}}.tf.local.' --serve "
    "'chief{{.ID}}.tf.local.=1'\n"
    "      two roles, and a third pool that is only served; for different settings use one idetcd block each\n"
    "\n"
    "Every setting can be given as a flag, in the environment (--on-full is IDETCD_ON_FULL) and in\n"
    "the Corefile's idetcd block. Flags override the environment, which overrides etcdctl's\n"
    "(ETCDCTL_ENDPOINTS, _USER, _PASSWORD, _CACERT, _CERT and _KEY), which overrides the Corefile. Flags\n"
    "and environment apply to all idetcd blocks; --pattern chooses among several.\n";

constexpr std::string_view kDevPattern = "worker{{.ID}}.tf.local.";
constexpr std::uint16_t kDevPort = 1053;

// --dev needs nothing else: what it leaves open is filled in.
void fill_in_for_dev(app::Settings& settings) {
  if (settings.origin("endpoints").place == "--endpoints" && settings.origins.contains("endpoints")) {
    app::refuse(settings.origin("endpoints"), "--dev starts a private etcd; use one of the two");
  }
  for (app::PoolSettings& pool : settings.pools) {
    if (pool.pattern.empty()) pool.pattern = kDevPattern;
  }
  if (settings.listen.empty() && settings.servers.size() == 1)
    settings.servers.front().listen = {{Ipv4{127, 0, 0, 1}, kDevPort}};
  settings.user.clear();
  settings.password.clear();
  settings.password_file.clear();
  settings.tls = {};
}

// Flags that CoreDNS has; it writes them with one dash.
constexpr std::array<std::string_view, 4> kFlagsOfCoreDns{"conf", "dns.port", "version", "plugins"};

// `argument` with two dashes, if it is one of them.
std::optional<std::string> with_two_dashes(std::string_view argument) {
  if (!argument.starts_with('-') || argument.starts_with("--")) return std::nullopt;
  const std::string_view name = argument.substr(1, argument.find('=') - 1);
  if (std::ranges::find(kFlagsOfCoreDns, name) == kFlagsOfCoreDns.end()) return std::nullopt;
  return fmt::format("-{}", argument);
}

// In the form of CoreDNS.
std::string list_plugins() {
  std::string text = "Server types:\n  dns\n\nOther plugins:\n";
  for (const app::DirectiveSpec& spec : app::all_directives()) {
    if (spec.role == app::DirectiveSpec::Role::kWorks) text += fmt::format("  dns.{}\n", spec.name);
  }
  return text;
}

struct Modes {
  bool plugins = false;
  bool check = false;
  std::vector<std::string> print{};  // empty: not asked for; else "text" or "json"
};

void add_modes(CLI::App& cli, Modes& modes, app::GivenFlags& given) {
  cli.add_flag("--plugins", modes.plugins, "list the directives of a server block, and exit");
  cli.add_flag("--check", modes.check, "check the configuration, and exit with status 0 if nothing is wrong with it");
  cli.add_option("--print-config", modes.print, "print the configuration with the origin of each value, and exit")
      ->type_name("[text|json]")
      ->expected(0, 1)
      ->check(CLI::IsMember({"text", "json"}));
  cli.add_option("--dns.port", given.dns_port, "port of server keys and listen addresses without one; default 53")
      ->type_name("PORT")
      ->check(CLI::Range(1, 65535));
}

// What a start would find wrong before it opens a socket.
void check_whole(const app::Settings& settings) {
  check_pools(settings);
  check_reverse_zones(settings);
  for (const app::ServerSettings& server : settings.servers) {
    if (server.forward.empty()) continue;
    if (auto works = check_forwarding({server.forward, server.cache}); !works)
      throw app::Exit(app::kExitConfig, works.error().message);
  }
  app::connect_etcd(settings, {});
}

void print(const app::Settings& settings, const Modes& modes) {
  for (const std::string& warning : settings.warnings) fmt::print(stderr, "idetcd-resolver: warning: {}\n", warning);
  if (!modes.print.empty())
    fmt::print("{}", modes.print.front() == "json" ? app::config_as_json(settings) : app::config_as_text(settings));
  else
    fmt::print("{}\n", app::config_summary(settings));
}

}  // namespace

std::optional<Config> read_config(int argc, char** argv) {
  CLI::App cli{std::string(kDescription), "idetcd-resolver"};
  app::GivenFlags given;
  Config config;
  bool no_claim = false;
  cli.set_version_flag("--version", "idetcd-resolver " IDETCD_VERSION);
  cli.footer(fmt::format("{}\n{}", kExamples, app::kExitStatusHelp));
  cli.add_flag("--dev", config.dev, "start a private etcd in a temporary directory and use it");
  cli.add_flag("--no-claim", no_claim, "serve only, claim no name");
  using enum app::SettingGroup;
  app::add_flags(cli, {kEtcd, kPool, kClaim, kServe, kProcess, kLog}, given);
  Modes modes;
  add_modes(cli, modes, given);
  std::vector<std::string> rewritten(static_cast<std::size_t>(argc));
  std::vector<char*> arguments(argv, argv + argc);
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    if (auto flag = with_two_dashes(arguments[i])) arguments[i] = (rewritten[i] = std::move(*flag)).data();
  }
  if (!app::parse_command_line(cli, argc, arguments.data())) return std::nullopt;
  if (modes.plugins) return fmt::print("{}", list_plugins()), std::nullopt;
  const bool print_config = cli.count("--print-config") > 0;
  if (print_config && modes.print.empty()) modes.print = {"text"};

  config.settings = app::load_settings(given, app::process_environment());
  if (config.dev) fill_in_for_dev(config.settings);
  for (app::PoolSettings& pool : config.settings.pools) pool.claim = pool.claim && !no_claim;
  config.read_again = [argc, argv] { return read_config(argc, argv); };
  if (!modes.check && !print_config) return config;
  check_whole(config.settings);
  print(config.settings, modes);
  return std::nullopt;
}

}  // namespace idetcd::resolver
