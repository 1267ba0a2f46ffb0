#include "claim/plan_wait.h"

#include "base/backoff.h"

#include <algorithm>
#include <utility>

namespace idetcd::internal {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kMaxCalmPatience = 2500ms;

std::chrono::milliseconds patience(std::chrono::milliseconds ttl, std::chrono::milliseconds latency) {
  const auto calm = std::min(ttl / 8, kMaxCalmPatience);
  const auto least = std::min(std::max(calm, 4 * latency), ttl / 4);
  return least + std::chrono::milliseconds(random_seed() % static_cast<std::uint64_t>(least.count() + 1));
}

}  // namespace

Status PlanWait::wait(ClaimMachine& claim, const AwaitPlan& await) {
  TimePoint until = calls_.clock().now() + patience(ttl_, calls_.latency());
  Revision planner = claim.planner();
  const std::uint64_t number = calls_.next_watch_number();
  const auto watch = watch_into(calls_.etcd(), {keys_.plans(), await.after + 1}, calls_.mailbox(), number);
  while (calls_.clock().now() < until) {
    if (calls_.stopped()) return calls_.cancelled();
    if (calls_.lease_ended()) return {};
    for (const NumberedBatch& numbered : calls_.wait_for_batches(until)) {
      if (numbered.watch != number) continue;
      if (!numbered.batch) return calls_.pause();  // then asking again is as good
      if (claim.on_hints(*numbered.batch)) return {};
    }
    // Another has the whole time: else thousands whose moments are close would depose one another.
    if (std::exchange(planner, claim.planner()) != claim.planner()) {
      until = calls_.clock().now() + patience(ttl_, calls_.latency());
    }
    if (calls_.mailbox()->take_overflow()) return {};
  }
  claim.planner_overdue();
  return {};
}

}  // namespace idetcd::internal
