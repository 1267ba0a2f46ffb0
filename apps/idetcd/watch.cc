// idetcd watch: who claims and who goes, as it happens.
#include <fmt/format.h>
#include <idetcd/record_store.h>
#include <sys/wait.h>
#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdio>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "common/configuration/command_line.h"
#include "common/system/child_process.h"
#include "common/system/exit_status.h"
#include "common/system/shutdown.h"
#include "common/values/printable.h"
#include "output_option.h"
#include "pools/inquiry.h"
#include "pools/name_text.h"
#include "pools/pool_follower.h"
#include "subcommand.h"

namespace idetcd::tool {
namespace {

using namespace std::chrono_literals;

struct WatchOptions {
  bool json = false;
  bool only_changes = false;
  std::string command;  // empty: none
};

struct NameEvent {
  std::string_view kind;  // "present", "claimed", "changed", "released"
  PoolName name;          // as it is, or was
  Revision revision = 0;
};

PoolName pool_name(const ListedPool& pool, const NamedRecord& record) {
  return {.slot = record.slot,
          .name = std::string(pool.pattern.render(record.slot)),
          .record = record.record,
          .token = record.token,
          .mod_revision = record.mod_revision,
          .lease = record.lease};
}

// One change may be two events: the owner before goes, another comes.
std::vector<NameEvent> events_of(const ListedPool& pool, const std::optional<NamedRecord>& before,
                                 const std::optional<NamedRecord>& now, Revision revision) {
  std::vector<NameEvent> events;
  const bool same_owner = before && now && before->token == now->token;
  if (before && !same_owner) events.push_back({"released", pool_name(pool, *before), revision});
  if (now) events.push_back({same_owner ? "changed" : "claimed", pool_name(pool, *now), revision});
  return events;
}

void print(const ListedPool& pool, const NameEvent& event, bool as_json) {
  if (as_json) {
    nlohmann::ordered_json line{{"event", event.kind},
                                {"revision", event.revision},
                                {"pattern", pool.pattern.canonical()},
                                {"path", pool.path}};
    line.update(to_json(event.name));
    fmt::print("{}", dump(line));
  } else {
    const auto addresses = addresses_of(event.name.record);
    fmt::print("{:<8}  {}  {}  {}\n", event.kind, event.name.name, app::printable(event.name.record.node),
               fmt::join(addresses, " "));
  }
  std::fflush(stdout);  // for a reader behind a pipe
}

// Waits for it, or ends it when we are to end.
void run_command(const std::string& command, const NameEvent& event, const std::stop_token& stop, const LogSink& log) {
  std::vector<std::string> environment = app::current_environment();
  environment.push_back(fmt::format("IDETCD_EVENT={}", event.kind));
  environment.push_back("IDETCD_NAME=" + event.name.name);
  environment.push_back(fmt::format("IDETCD_SLOT={}", event.name.slot));
  environment.push_back(fmt::format("IDETCD_TOKEN={}", event.name.token));
  environment.push_back("IDETCD_NODE=" + event.name.record.node);
  environment.push_back(fmt::format("IDETCD_ADDRESS={}", fmt::join(addresses_of(event.name.record), ",")));
  environment.push_back(fmt::format("IDETCD_REVISION={}", event.revision));
  auto child = app::ChildProcess::start({.argv = {"/bin/sh", "-c", command}, .environment = environment});
  if (!child) return log(LogLevel::kError, fmt::format("--exec: {}", child.error().message));
  std::optional<int> status;
  while (!(status = child->wait_for(100ms))) {
    if (stop.stop_requested()) status = child->end(1s);
  }
  if (*status != 0)
    log(LogLevel::kWarning, fmt::format("--exec for {} {} ended with {}", event.kind, event.name.name, *status));
}

int watch(const app::GivenFlags& given, const WatchOptions& options) {
  app::Shutdown signals;  // before there is any thread
  const Inquiry inquiry = open_inquiry(given);
  const auto pools = read_pools(inquiry);
  std::mutex one_at_a_time;                          // of the pools
  std::vector<std::unique_ptr<RecordStore>> stores;  // after what their callbacks use
  for (const ListedPool& pool : pools) {
    bool listed = false;
    stores.push_back(follow(
        inquiry, pool,
        [&, listed](const RecordSet& before, const RecordSet& now, std::span<const SlotId> changed) mutable {
          const std::lock_guard lock(one_at_a_time);
          for (const SlotId slot : changed) {
            for (NameEvent& event : events_of(pool, before.find(slot), now.find(slot), now.revision())) {
              if (!listed) event.kind = "present";
              if (!listed && options.only_changes) continue;
              print(pool, event, options.json);
              if (!options.command.empty()) run_command(options.command, event, signals.token(), inquiry.log);
            }
          }
          listed = true;
        },
        signals.token()));
    if (!stores.back()) break;  // interrupted
  }
  while (!signals.wait_for(1h)) {
    if (std::ferror(stdout) != 0) return 128 + SIGPIPE;
  }
  return 128 + signals.signal();
}

}  // namespace

void add_watch(CLI::App& program, Run& run) {
  CLI::App* command = program.add_subcommand(
      "watch",
      "Print who has a name, then every change, a line for each: present, claimed, changed, released. JSON lines\n"
      "have the revision of etcd at which it was so. After a break only what differs is told, not what was\n"
      "between. Ends on SIGINT or SIGTERM, with 128 + its number.");
  const auto given = std::make_shared<app::GivenFlags>();
  const auto options = std::make_shared<WatchOptions>();
  add_output(*command, options->json);
  command->add_flag("--changes-only", options->only_changes, "not those that are there at the beginning");
  command
      ->add_option("--exec", options->command,
                   "run by sh -c for each, one after the other, with IDETCD_EVENT, _NAME, _SLOT, _TOKEN, _NODE,\n"
                   "_ADDRESS and _REVISION in its environment")
      ->type_name("COMMAND");
  using enum app::SettingGroup;
  app::add_flags(*command, {kEtcd, kPool, kLog}, *given);
  command->callback([given, options, &run] { run = [given, options] { return watch(*given, *options); }; });
}

}  // namespace idetcd::tool
