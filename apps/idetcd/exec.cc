// idetcd exec -- CMD: a name for a program that knows nothing of us.
#include <fmt/format.h>
#include <idetcd/slot_claimer.h>
#include <CLI/CLI.hpp>

#include <csignal>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "common/child_process.h"
#include "common/command_line.h"
#include "common/connection.h"
#include "common/exit_status.h"
#include "common/log.h"
#include "common/load_settings.h"
#include "common/shutdown.h"
#include "subcommand.h"

namespace idetcd::tool {
namespace {

using namespace std::chrono_literals;

// How long the command may take to end once the name is lost: somebody else may
// have it soon.
constexpr auto kGraceAfterLoss = 2s;

// The command's environment: ours, and who it is.
std::vector<std::string> environment_for(const Claim& claim) {
  std::vector<std::string> all = app::current_environment();
  const auto set = [&all](std::string_view name, const std::string& value) {
    const std::string start = fmt::format("{}=", name);
    std::erase_if(all, [&start](const std::string& entry) { return entry.starts_with(start); });
    all.push_back(start + value);
  };
  set("IDETCD_NAME", claim.name());
  set("IDETCD_SLOT", std::to_string(claim.slot()));
  set("IDETCD_TOKEN", std::to_string(claim.token()));
  set("IDETCD_LEASE", fmt::format("{:x}", static_cast<std::uint64_t>(claim.lease())));
  set("IDETCD_NODE", claim.node_id());
  return all;
}

// Until the command ends, or the name is lost and the command was ended for it.
int run_command(const Claim& claim, std::vector<std::string> command, app::Shutdown& signals, const LogSink& log) {
  const std::stop_token lost = claim.lost();
  auto started = app::ChildProcess::start(
      {.argv = std::move(command), .environment = environment_for(claim), .dies_with_thread = true});
  if (!started) {
    const bool missing = started.error().code == ErrorCode::kNotFound;
    throw app::Exit(missing ? 127 : 126, started.error().message);  // as shells have it
  }
  app::ChildProcess child = std::move(*started);
  signals.forward_to([&child](int number) { child.signal(number); });
  int code = 0;
  {
    const std::stop_callback on_loss(lost, [&child] { child.signal(SIGTERM); });
    std::optional<int> ended;
    while (!(ended = child.wait_for(100ms)) && !lost.stop_requested()) {
    }
    code = ended ? *ended : child.end(kGraceAfterLoss);
  }
  signals.forward_to({});
  if (!lost.stop_requested()) return code;
  log(LogLevel::kError, fmt::format("lost {} ({}); the command was terminated", claim.name(), claim.loss_reason()));
  return app::kExitTryLater;
}

int exec(const app::GivenFlags& given, const std::vector<std::string>& command) {
  const app::Settings settings = app::load_settings(given, app::process_environment());
  const app::PoolSettings& pool = app::only_pool(settings);
  const PatternTemplate pattern = app::parse_pattern(pool);
  const LogSink log = app::open_log(settings.log_level);
  app::Shutdown signals{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
  std::size_t position = 0;
  const auto etcd = app::connect_etcd(settings, log);
  SlotClaimer claimer(etcd, pattern,
                      app::claim_options(pool, log, [&position](std::size_t place) { position = place; }));
  auto claim = claimer.claim(app::own_record(settings, pool, 0), signals.token());
  if (!claim && claim.error().code == ErrorCode::kCancelled) {
    throw app::Exit(128 + signals.signal(),
                    "interrupted by a signal before a name was claimed; the command was not run");
  }
  if (!claim) throw app::claim_failure(pool, claim.error(), position);
  log(LogLevel::kInfo, fmt::format("claimed {} (slot {} of {})", claim->name(), claim->slot(), pattern.limit()));
  const int code = run_command(*claim, command, signals, log);
  if (auto released = claim->release(); !released && claim->held()) {
    log(LogLevel::kWarning, fmt::format("cannot release {}: {}", claim->name(), released.error().message));
  }
  return code;
}

}  // namespace

void add_exec(CLI::App& program, Run& run) {
  CLI::App* command = program.add_subcommand(
      "exec",
      "Claim a name, run CMD with it, and release it when CMD exits.\n"
      "CMD has IDETCD_NAME, IDETCD_SLOT, IDETCD_TOKEN, IDETCD_LEASE and IDETCD_NODE in its\n"
      "environment, and receives the signals sent to idetcd. If the name is lost, CMD is terminated\n"
      "and the exit status is 75. Otherwise it is the status of CMD, 127 if CMD does not exist, or\n"
      "128 + the number of a signal that arrived before a name was claimed.");
  const auto given = std::make_shared<app::GivenFlags>();
  const auto words = std::make_shared<std::vector<std::string>>();
  command->add_option("CMD", *words, "the command and its arguments, after --")->required();
  command->positionals_at_end();
  using enum app::SettingGroup;
  app::add_flags(*command, {kEtcd, kPool, kClaim, kLog}, *given);
  command->callback([given, words, &run] { run = [given, words] { return exec(*given, *words); }; });
}

}  // namespace idetcd::tool
