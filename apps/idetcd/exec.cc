// idetcd exec -- CMD: a name for a program that knows nothing of us.
#include <fmt/format.h>
#include <idetcd/slot_claimer.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/configuration/command_line.h"
#include "common/configuration/load_settings.h"
#include "common/settings/connection.h"
#include "common/system/child_process.h"
#include "common/system/exit_status.h"
#include "common/system/log.h"
#include "common/system/shutdown.h"
#include "common/system/wait_limit.h"
#include "guard/guard.h"
#include "pools/name_text.h"
#include "subcommand.h"

namespace idetcd::tool {
namespace {

using namespace std::chrono_literals;

// What a command is told of its pool, so that `idetcd ls` needs no flags in it. Empty values count as not set.
using PoolVariables = std::vector<std::pair<std::string_view, std::string>>;

PoolVariables pool_variables(const app::Settings& settings, const app::PoolSettings& pool, const Record& record) {
  return {{"IDETCD_PATTERN", pool.pattern},
          {"IDETCD_LIMIT", std::to_string(pool.limit)},
          {"IDETCD_PATH", pool.path},
          {"IDETCD_ENDPOINTS", fmt::format("{}", fmt::join(settings.endpoints, ","))},
          {"IDETCD_ADDRESS", fmt::format("{}", fmt::join(addresses_of(record), ","))}};
}

// The command's environment: ours, and who it is.
std::vector<std::string> environment_for(const Claim& claim, const PoolVariables& pool) {
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
  for (const auto& [name, value] : pool) set(name, value);
  return all;
}

// How long the command has between SIGTERM and SIGKILL when its name is about to be lost, or when it has left
// something running.
std::chrono::milliseconds grace_for(const app::PoolSettings& pool) {
  return std::min<std::chrono::milliseconds>(5s, std::chrono::milliseconds(pool.ttl) / 4);
}

// For the guard; long past if the name is not held.
std::chrono::nanoseconds deadline_of(const Claim& claim) {
  return std::max<std::chrono::nanoseconds>(claim.trusted_until(), 1ns);
}

// A process that cannot be ended may act under the name, so nobody else may have it before the lease ends.
[[noreturn]] void leave_name_behind(const Claim& claim, const Guard::Ended& ended) {
  fmt::print(stderr,
             "{} processes of the command run on as another user and cannot be ended; {} is not given back, but stays "
             "until its lease ends\n",
             ended.escaped, claim.name());
  _exit(app::kExitTryLater);
}

int exit_status(const Claim& claim, const Guard::Ended& ended, const LogSink& log) {
  if (ended.guard_died) log(LogLevel::kError, "the guard process was killed, and the command with it");
  if (!ended.out_of_time) return ended.code;
  const std::string reason = claim.held() ? "etcd did not confirm the lease in time" : claim.loss_reason();
  log(LogLevel::kError, fmt::format("lost {} ({}); the command was terminated", claim.name(), reason));
  return app::kExitTryLater;
}

// Until the command has ended and nothing that it started is left.
Guard::Ended run_command(const Claim& claim, const PoolVariables& pool, const std::vector<std::string>& command,
                         Guard& guard, app::Shutdown& signals) {
  if (const auto started = guard.run(command, environment_for(claim, pool), deadline_of(claim)); !started) {
    const bool missing = started.error().code == ErrorCode::kNotFound;
    throw app::Exit(missing ? 127 : 126, started.error().message);  // as shells have it
  }
  signals.forward_to([&guard](int number) { guard.signal(number); });
  std::optional<Guard::Ended> ended;
  bool lost = false;
  while (!(ended = guard.wait_for(100ms))) {
    guard.extend(deadline_of(claim));
    if (claim.held()) continue;
    lost = true;
    guard.end();  // it looks at an earlier deadline only when it is told to
  }
  signals.forward_to({});
  ended->out_of_time |= lost;  // the command may have ended on SIGTERM, before the guard looked at the time
  return *ended;
}

// As SlotClaimer::claim(); kDeadlineExceeded: max-wait was over first.
Result<Claim> claim_in_time(SlotClaimer& claimer, const Record& record, const app::PoolSettings& pool,
                            app::Shutdown& signals) {
  std::stop_source stop;
  const std::stop_callback interrupted(signals.token(), [&stop] { stop.request_stop(); });
  std::atomic<bool> over{false};
  std::optional<app::WaitLimit> limit;
  if (pool.max_wait.count() > 0) {
    limit.emplace(pool.max_wait, [&] {
      over = true;
      stop.request_stop();
    });
  }
  auto claim = claimer.claim(record, stop.get_token());
  limit.reset();
  const bool cancelled = !claim && claim.error().code == ErrorCode::kCancelled;
  if (cancelled && over) return Error{ErrorCode::kDeadlineExceeded, "max-wait is over"};
  return claim;
}

// It may be in a Corefile, which the daemon reads too.
void refuse_without_effect(const app::PoolSettings& pool, std::string_view setting, std::string_view why) {
  const auto found = pool.origins.find(setting);
  if (found == pool.origins.end() || found->second.in_file) return;
  app::refuse(found->second, fmt::format("has no effect here: {}; leave it out", why));
}

int exec(const app::GivenFlags& given, const std::vector<std::string>& command) {
  const app::Settings settings = app::load_settings(given, app::process_environment());
  const app::PoolSettings& pool = app::only_pool(settings);
  refuse_without_effect(pool, "on-lost", "exec always ends the command when its name is lost");
  refuse_without_effect(pool, "on-stop", "exec gives the name back when nothing of the command runs any more");
  const PatternTemplate pattern = app::parse_pattern(pool);
  auto guard = Guard::start(grace_for(pool));  // before there is any thread
  if (!guard) throw app::Exit(app::kExitOs, guard.error().message);
  app::Shutdown signals{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};  // before the log has its thread
  const LogSink log = app::open_log(settings.log_level, settings.log_format);
  for (const std::string& warning : app::unknown_variables(app::current_environment()))
    log(LogLevel::kWarning, warning);
  std::size_t position = 0;
  const auto etcd = app::connect_etcd(settings, log);
  SlotClaimer claimer(etcd, pattern,
                      app::claim_options(pool, log, [&position](std::size_t place) { position = place; }));
  const app::Publication published = app::own_record(settings, pool, 0);
  if (!published.warning.empty()) log(LogLevel::kWarning, published.warning);
  auto claim = claim_in_time(claimer, published.record, pool, signals);
  if (!claim && claim.error().code == ErrorCode::kDeadlineExceeded) throw app::wait_failure(pool, position);
  if (!claim && claim.error().code == ErrorCode::kCancelled) {
    throw app::Exit(128 + signals.signal(),
                    "interrupted by a signal before a name was claimed; the command was not run");
  }
  if (!claim) throw app::claim_failure(pool, claim.error(), position);
  log(LogLevel::kInfo, fmt::format("claimed {} -> {}; slot {} of {}", claim->name(), published.addresses, claim->slot(),
                                   pattern.limit()));
  const Guard::Ended ended =
      run_command(*claim, pool_variables(settings, pool, published.record), command, **guard, signals);
  if (ended.escaped != 0) leave_name_behind(*claim, ended);
  const int code = exit_status(*claim, ended, log);
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
      "CMD has IDETCD_NAME, _SLOT, _TOKEN, _LEASE, _NODE, _PATTERN, _LIMIT, _PATH, _ENDPOINTS and _ADDRESS\n"
      "in its environment, and receives the signals sent to idetcd. The name is released when CMD and every\n"
      "process that it started have exited: what CMD leaves running receives SIGTERM, and SIGKILL a\n"
      "quarter of the ttl (at most 5 s) later. All of them are terminated in the same way before\n"
      "somebody else can own the name, even if idetcd is stopped or killed; the exit status is then\n"
      "75. Otherwise it is the status of CMD, 127 if CMD does not exist, or 128 + the number of a\n"
      "signal that arrived before a name was claimed.");
  const auto given = std::make_shared<app::GivenFlags>();
  const auto words = std::make_shared<std::vector<std::string>>();
  command->add_option("CMD", *words, "the command and its arguments, after --")->required();
  command->positionals_at_end();
  using enum app::SettingGroup;
  app::add_flags(*command, {kEtcd, kPool, kClaim, kLog}, *given);
  command->callback([given, words, &run] { run = [given, words] { return exec(*given, *words); }; });
}

}  // namespace idetcd::tool
