#include "config.h"

#include <fmt/format.h>
#include <idetcd/version.h>
#include <CLI/CLI.hpp>

#include "common/command_line.h"
#include "common/exit_status.h"

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

// --dev needs nothing else: what it leaves open is filled in.
void fill_in_for_dev(app::Settings& settings) {
  if (settings.origin("endpoints").place == "--endpoints" && settings.origins.contains("endpoints")) {
    app::refuse(settings.origin("endpoints"), "--dev starts a private etcd; use one of the two");
  }
  for (app::PoolSettings& pool : settings.pools) {
    if (pool.pattern.empty()) pool.pattern = kDevPattern;
  }
  settings.user.clear();
  settings.password.clear();
  settings.password_file.clear();
  settings.tls = {};
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
  if (!app::parse_command_line(cli, argc, argv)) return std::nullopt;

  config.settings = app::load_settings(given, app::process_environment());
  if (config.dev) fill_in_for_dev(config.settings);
  for (app::PoolSettings& pool : config.settings.pools) pool.claim = pool.claim && !no_claim;
  return config;
}

}  // namespace idetcd::resolver
