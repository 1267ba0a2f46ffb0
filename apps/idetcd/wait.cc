// idetcd wait: until so many names, or these, are taken.
#include <fmt/format.h>
#include <idetcd/record_store.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/configuration/command_line.h"
#include "common/system/exit_status.h"
#include "common/system/shutdown.h"
#include "common/system/wait_limit.h"
#include "pools/inquiry.h"
#include "pools/pool_follower.h"
#include "subcommand.h"

namespace idetcd::tool {
namespace {

struct WaitOptions {
  std::optional<std::size_t> members;
  std::vector<std::string> names;
  double timeout = 0;  // seconds; 0: none
};

// What is still to come, as a store's thread sees it.
class Expectation {
 public:
  Expectation(const PatternTemplate& pattern, const WaitOptions& options) : pattern_(pattern), options_(options) {}

  // Throws app::Exit if a name is none of the pool.
  void check_names() {
    for (const std::string& name : options_.names) {
      const auto slot = pattern_.match(name);
      if (!slot)
        throw app::Exit(app::kExitUsage, fmt::format("--name: \"{}\" is no name of {} with limit {}", name,
                                                     pattern_.canonical(), pattern_.limit()));
      slots_.push_back(*slot);
    }
    if (options_.members && *options_.members > pattern_.limit())
      throw app::Exit(app::kExitUsage, fmt::format("--members: {} are more than the limit {} allows", *options_.members,
                                                   pattern_.limit()));
  }

  void look(const RecordSet& records) {
    const std::lock_guard lock(mutex_);
    there_ = records.size();
    missing_.clear();
    for (const SlotId slot : slots_) {
      if (!records.find(slot)) missing_.emplace_back(pattern_.render(slot));
    }
    met_ = missing_.empty() && there_ >= options_.members.value_or(0);
    changed_.notify_all();
  }

  // "3 of 5 names are taken; worker2.tf.local. is not"
  std::string text() const {
    const std::lock_guard lock(mutex_);
    std::string all = options_.members ? fmt::format("{} of {} names are taken", there_, *options_.members) : "";
    if (missing_.empty()) return all;
    return fmt::format("{}{}{} {} free", all, all.empty() ? "" : "; ", fmt::join(missing_, ", "),
                       missing_.size() == 1 ? "is" : "are");
  }

  bool met_within(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, time, [this] { return met_; });
  }

 private:
  const PatternTemplate pattern_;
  const WaitOptions& options_;
  std::vector<SlotId> slots_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t there_ = 0;  // guarded by mutex_, as are the next two
  std::vector<std::string> missing_;
  bool met_ = false;
};

using Deadline = std::optional<std::chrono::steady_clock::time_point>;

// True: met. False: it is too late, or a signal came. Tells a terminal how it goes.
bool wait_for(Expectation& expectation, const Deadline& deadline, app::Shutdown& signals) {
  constexpr std::chrono::milliseconds kLook{100};
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  std::string told;
  while (!expectation.met_within(kLook)) {
    if (signals.wait_for(std::chrono::milliseconds(0)) || (deadline && std::chrono::steady_clock::now() >= *deadline))
      return false;
    const std::string text = expectation.text();
    if (terminal && text != std::exchange(told, text)) fmt::print(stderr, "{}\n", text);
  }
  return true;
}

int run_wait(const app::GivenFlags& given, const WaitOptions& options) {
  if (!options.members && options.names.empty())
    throw app::Exit(app::kExitUsage, "nothing to wait for; add --members N or --name NAME");
  app::Shutdown signals;  // before there is any thread
  Deadline deadline;
  if (options.timeout > 0)
    deadline = std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                                                      std::chrono::duration<double>(options.timeout));
  const Inquiry inquiry = open_inquiry(given);
  const PatternTemplate pattern = app::parse_pattern(app::only_pool(inquiry.settings));
  Expectation expectation(pattern, options);
  expectation.check_names();
  std::stop_source stop;
  const std::stop_callback interrupted(signals.token(), [&stop] { stop.request_stop(); });
  // The first listing waits for etcd as long as it takes: not longer than we may.
  std::optional<app::WaitLimit> limit;
  if (options.timeout > 0)
    limit.emplace(std::chrono::ceil<std::chrono::seconds>(std::chrono::duration<double>(options.timeout)),
                  [&stop] { stop.request_stop(); });
  const ListedPool pool{app::only_pool(inquiry.settings).path, pattern, pattern.limit(), {}};
  const auto store = follow(
      inquiry, pool,
      [&expectation](const RecordSet&, const RecordSet& now, std::span<const SlotId>) { expectation.look(now); },
      stop.get_token());
  if (store && wait_for(expectation, deadline, signals)) return app::kExitOk;
  if (signals.signal() != 0) return 128 + signals.signal();
  throw app::Exit(kExitTimedOut, store ? fmt::format("timed out: {}", expectation.text())
                                       : std::string("timed out: etcd has not answered"));
}

}  // namespace

void add_wait(CLI::App& program, Run& run) {
  CLI::App* command = program.add_subcommand(
      "wait",
      "Wait until so many names of the pool are taken, or these. Status 124: --timeout was over first, and the\n"
      "message says what is missing.");
  const auto given = std::make_shared<app::GivenFlags>();
  const auto options = std::make_shared<WaitOptions>();
  command->add_option("--members", options->members, "how many names must be taken")->type_name("N");
  command->add_option("--name", options->names, "a name that must be taken; repeatable")->type_name("NAME");
  command->add_option("--timeout", options->timeout, "at most so long, e.g. 90s or 5m; default: for ever")
      ->type_name("TIME")
      ->transform(
          CLI::AsNumberWithUnit(std::map<std::string, double>{{"ms", 0.001}, {"s", 1}, {"m", 60}, {"h", 3600}}));
  using enum app::SettingGroup;
  app::add_flags(*command, {kEtcd, kPool, kLog}, *given);
  command->callback([given, options, &run] { run = [given, options] { return run_wait(*given, *options); }; });
}

}  // namespace idetcd::tool
