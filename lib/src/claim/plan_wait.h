// PlanWait: a claim() call's wait for somebody else's plan. The thread shell around
// ClaimMachine::on_hints().
//
// A planner that was killed between its election and its plan is replaced by whoever
// waited for it first: after an eighth to a quarter of the lease's time (2.5 s to 5 s at
// most), or, where etcd is slow, after four to eight times what our own transaction took;
// never later than half of the lease's time. Each of those that wait draws its own moment,
// and a new one for each planner that it sees.
#pragma once

#include "claim/claim_calls.h"
#include "machine/claim_machine.h"
#include "model/pool_keys.h"

#include <chrono>

namespace idetcd::internal {

class PlanWait {
 public:
  // Refers to both for as long as it lives. `ttl` is the lease's.
  PlanWait(ClaimCalls& calls, const PoolKeys& keys, std::chrono::seconds ttl) : calls_(calls), keys_(keys), ttl_(ttl) {}

  // Blocks until `claim` has another transaction to send. kCancelled: it was stopped.
  Status wait(ClaimMachine& claim, const AwaitPlan& await);

 private:
  ClaimCalls& calls_;
  const PoolKeys& keys_;
  const std::chrono::seconds ttl_;
};

}  // namespace idetcd::internal
