#include "config.h"

#include <fmt/format.h>
#include <idetcd/version.h>
#include <CLI/CLI.hpp>

#include "common/exit_status.h"
#include "common/options.h"

namespace idetcd::resolver {
namespace {

constexpr std::string_view kDescription =
    "Claims one free name of each pool for this machine and answers DNS for all of them.\n"
    "Every node is started with the same settings.";

constexpr std::string_view kExamples =
    "Examples:\n"
    "  idetcd-resolver --dev\n"
    "      try it with an etcd of its own, on 127.0.0.1:1053\n"
    "  idetcd-resolver --endpoints http://10.0.0.1:2379 --pattern 'worker{{.ID}}.tf.local.' --limit 5\n"
    "      and then: dig +short worker1.tf.local @localhost\n"
    "  idetcd-resolver --conf /etc/idetcd/Corefile\n"
    "  idetcd-resolver --no-claim --listen 127.0.0.1:53\n"
    "      serve the names without taking one\n"
    "  idetcd-resolver --pattern 'worker{{.ID}}.tf.local.' --pattern 'ps{{.ID}}.tf.local.' --serve "
    "'chief{{.ID}}.tf.local.=1'\n"
    "      two roles, and a third pool to answer for; with settings of their own: an idetcd block for each\n"
    "\n"
    "Every flag can be set in the environment (--on-full is IDETCD_ON_FULL) and in the\n"
    "Corefile's idetcd block (endpoint for --endpoints). Flags win over the environment,\n"
    "that over ETCDCTL_ENDPOINTS, that over the Corefile. They count for all idetcd blocks;\n"
    "--pattern chooses among several.\n";

constexpr std::string_view kDevPattern = "worker{{.ID}}.tf.local.";

// --dev needs nothing else: what it leaves open is filled in.
void fill_in_for_dev(app::Settings& settings) {
  if (settings.origin("endpoints").place == "--endpoints" && settings.origins.contains("endpoints")) {
    app::refuse(settings.origin("endpoints"), "--dev starts an etcd of its own; use one of the two");
  }
  for (app::PoolSettings& pool : settings.pools) {
    if (pool.pattern.empty()) pool.pattern = kDevPattern;
  }
  settings.user.clear();
  settings.password.clear();
  settings.tls = {};
}

}  // namespace

std::optional<Config> read_config(int argc, const char* const* argv) {
  CLI::App cli{std::string(kDescription), "idetcd-resolver"};
  app::GivenFlags given;
  Config config;
  bool no_claim = false;
  cli.set_version_flag("--version", "idetcd-resolver " IDETCD_VERSION);
  cli.footer(fmt::format("{}\n{}", kExamples, app::kExitStatusHelp));
  cli.add_flag("--dev", config.dev, "start a private etcd in a temporary folder and use it");
  cli.add_flag("--no-claim", no_claim, "serve only, take no name");
  using enum app::SettingGroup;
  app::add_flags(cli, {kEtcd, kPool, kClaim, kServe, kLog}, given);
  if (!app::parse_command_line(cli, argc, argv)) return std::nullopt;

  config.settings = app::load_settings(given, app::process_environment());
  if (config.dev) fill_in_for_dev(config.settings);
  for (app::PoolSettings& pool : config.settings.pools) pool.claim = pool.claim && !no_claim;
  return config;
}

}  // namespace idetcd::resolver
