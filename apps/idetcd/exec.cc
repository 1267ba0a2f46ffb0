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
#include "common/connection.h"
#include "common/exit_status.h"
#include "common/log.h"
#include "common/options.h"
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
  log(LogLevel::kError, fmt::format("{} is lost ({}); the command was ended", claim.name(), claim.loss_reason()));
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
    throw app::Exit(128 + signals.signal(), "ended by a signal before there was a name; the command was not run");
  }
  if (!claim) throw app::claim_failure(pool, claim.error(), position);
  log(LogLevel::kInfo, fmt::format("claimed {} (slot {} of {})", claim->name(), claim->slot(), pattern.limit()));
  const int code = run_command(*claim, command, signals, log);
  if (auto released = claim->release(); !released && claim->held()) {
    log(LogLevel::kWarning, fmt::format("{} could not be given back: {}", claim->name(), released.error().message));
  }
  return code;
}

}  // namespace

void add_exec(CLI::App& program, Run& run) {
  CLI::App* command = program.add_subcommand(
      "exec",
      "Claim a name, run CMD with it, give it back when CMD ends.\n"
      "CMD finds IDETCD_NAME, IDETCD_SLOT, IDETCD_TOKEN, IDETCD_LEASE and IDETCD_NODE in its\n"
      "environment and gets our signals. If the name is lost, CMD is ended and the status is 75;\n"
      "else it is that of CMD, 127 if there is no CMD, or 128 + the number of a signal that\n"
      "came while there was no name yet.");
  const auto given = std::make_shared<app::GivenFlags>();
  const auto words = std::make_shared<std::vector<std::string>>();
  command->add_option("CMD", *words, "the command and its arguments, after --")->required();
  command->positionals_at_end();
  using enum app::SettingGroup;
  app::add_flags(*command, {kEtcd, kPool, kClaim, kLog}, *given);
  command->callback([given, words, &run] { run = [given, words] { return exec(*given, *words); }; });
}

}  // namespace idetcd::tool
