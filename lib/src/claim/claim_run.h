// ClaimRun: one claim() call, from nothing to a held slot. The thread shell around
// ClaimMachine.
#pragma once

#include "base/backoff.h"
#include "claim/claim_calls.h"
#include "claim/held_slot.h"
#include "claim/plan_wait.h"
#include "claim/queue_wait.h"
#include "claim/state_file.h"
#include "machine/claim_machine.h"
#include "model/pool_keys.h"

#include <idetcd/record.h>
#include <idetcd/slot_claimer.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

namespace idetcd::internal {

struct ClaimSetting {
  std::shared_ptr<Etcd> etcd;
  PatternTemplate pattern;
  ClaimOptions options;
  const Clock* clock = nullptr;

  // Of the claim that this process lost before: its lease may not be gone yet, its
  // slot is tried first. 0: there was none.
  LeaseId predecessor = 0;
  SlotId predecessor_slot = 0;
};

class ClaimRun {
 public:
  ClaimRun(ClaimSetting setting, const Record& record, std::stop_token stop);

  Result<HeldSlot> run();

 private:
  enum class Outcome { kHeld, kTryAgain };  // kTryAgain: with another lease

  Status prepare();
  Status open_state();
  void go_on_without_state(const Error& error);
  Result<Outcome> resume();
  Status find_slot_of_saved();
  Result<Outcome> with_new_lease();
  Status grant_grace();
  Result<std::optional<SlotId>> find_home();
  Result<Outcome> claim_with(ClaimMachine& claim);
  Status make_room(ClaimMachine& claim, const ClaimOutcome& outcome);
  Status yield_to_predecessor(const Taken& taken);
  bool may_be_earlier_run(const Taken& taken) const;
  Status wait_out(const Taken& taken);
  Result<std::chrono::seconds> ttl_of(const Taken& taken);
  Error duplicate_node(const Taken& taken) const;
  Error pool_is_full() const;

  Outcome settle(const Owned& owned, const TxnReply& reply);
  void save(SlotId slot, Revision token);
  std::string node_value(SlotId slot) const;

  const ClaimSetting setting_;
  ClaimCalls calls_;
  const std::shared_ptr<const PoolKeys> keys_;
  Record record_;
  std::string node_id_;
  std::optional<StateFile> state_;
  SavedClaim saved_;
  bool state_is_broken_ = false;  // and that was logged
  bool node_id_lasts_ = false;    // the next run of this node will have it too
  const std::string boot_;
  LeaseId waited_for_ = 0;  // the lease of what may be an earlier run of this node; 0: none was met
  TimePoint wait_until_{};  // for its end
  Backoff wait_backoff_;
  PlanWait plan_wait_;
  QueueWait queue_wait_;
  Owned owned_;
  std::uint64_t cluster_id_ = 0;
};

// The lease id of a node's grace lease: the same in every run of the node, while it
// wants the same time.
LeaseId grace_lease_id(std::string_view pool, std::string_view node_id, std::chrono::seconds ttl);

}  // namespace idetcd::internal
