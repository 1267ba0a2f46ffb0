// ClaimRun: one claim() call, from nothing to a held slot. The thread shell around
// ClaimPlan and WaitingRoom.
#pragma once

#include "claim/claim_session.h"
#include "claim/state_file.h"
#include "machine/claim_plan.h"
#include "model/pool_keys.h"

#include <idetcd/record.h>
#include <idetcd/slot_claimer.h>

#include <memory>
#include <optional>
#include <stop_token>
#include <string>

namespace idetcd::internal {

class WaitingRoom;

// What a successful run hands to the Claim that keeps it.
struct HeldSlot {
  std::shared_ptr<Etcd> etcd;
  std::shared_ptr<const PoolKeys> keys;
  const Clock* clock = nullptr;
  LogSink log;
  std::string name;
  std::string node_id;
  Owned owned;
  Revision record_revision = 0;
  std::uint64_t cluster_id = 0;
  std::shared_ptr<ClaimMailbox> mailbox;
  std::optional<KeptLease> session;
  std::optional<KeptLease> grace;  // of a sticky claim
  std::optional<StateFile> state;
};

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
  enum class Turn { kOurs, kSessionEnded, kFull };
  struct RoomWatches {
    std::uint64_t first_number = 0;  // of `members`; `records` has the next
    std::unique_ptr<Watch> members;
    std::unique_ptr<Watch> records;
  };

  Status prepare();
  Status without_state(Error error);
  Result<bool> resume();  // true: the slot is held
  Status find_slot_of_saved();
  Result<bool> one_session();  // false: the lease ended, try another
  Status grant_grace();
  Result<std::optional<SlotId>> find_home();
  Result<bool> claim_with(ClaimPlan& plan);
  Status yield_to_predecessor(const Taken& taken);
  Error pool_is_full() const;

  Result<Turn> wait_for_turn(ClaimPlan& plan, const Ranked& ranked);
  Result<Turn> wait_in(WaitingRoom& room, ClaimPlan& plan, bool may_wait);
  Result<bool> list(WaitingRoom& room);
  RoomWatches follow(const WaitingRoom& room);
  bool apply_news(WaitingRoom& room, std::uint64_t first_number, std::chrono::nanoseconds at_most);

  bool settle(const Owned& owned, const TxnReply& reply);
  Status save(SlotId slot, Revision token) const;
  std::string node_value(SlotId slot) const;

  const ClaimSetting setting_;
  ClaimSession session_;
  const std::shared_ptr<const PoolKeys> keys_;
  Record record_;
  std::string node_id_;
  std::optional<StateFile> state_;
  SavedClaim saved_;
  TimePoint wait_until_ = TimePoint::max();
  TimePoint predecessor_until_{};  // wait this long for a lease that our last run may have left
  std::uint64_t next_watch_ = 1;
  std::size_t told_position_ = 0;
  Owned owned_;
  std::uint64_t cluster_id_ = 0;
};

// The lease id of a node's grace lease: the same in every run of the node, while it
// wants the same time.
LeaseId grace_lease_id(std::string_view pool, std::string_view node_id, std::chrono::seconds ttl);

}  // namespace idetcd::internal
