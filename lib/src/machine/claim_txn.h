// The operations that a claim's transactions are made of. Pure values.
//
// A claim is a nest: If slot A can be had Then take it, Else the same for slot B, and in
// the last Else what the claimant does about having found none.
#pragma once

#include "machine/occupancy.h"
#include "model/pool_keys.h"
#include "model/slot_plan.h"

#include <idetcd/etcd.h>
#include <idetcd/pattern_template.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace idetcd::internal {

struct ClaimIntent {
  std::string node_id{};
  std::string address{};  // told to a duplicate of us
  std::string boot{};     // as NodeEntry has it
  std::string record{};   // JSON
  LeaseId session = 0;
  LeaseId grace = 0;             // 0: not sticky
  std::optional<SlotId> home{};  // the slot that we had before; tried first
};

// Who may become the planner, beyond whoever finds neither plan nor planner.
struct Election {
  Revision refused = 0;  // a plan of this revision is exhausted or wrong, and to be replaced
  Revision deposed = 0;  // a planner of this revision has taken too long
  Revision passed = 0;   // whoever waits since this revision cannot use the slots that we could
  // Written by whoever is elected in a pool that is empty but for the slots below: those that
  // draw a turn until its plan is there need not wait for it.
  std::optional<SlotPlan> opening{};
};

// What the last Else of a claim that draws a turn said. Points into the reply.
struct TurnReply {
  std::int64_t turn = 0;
  Revision since = 0;                 // where the turns begin
  const KeyValue* plan = nullptr;     // null: there is none
  const KeyValue* planner = nullptr;  // before this transaction
  const KeyValue* waiting = nullptr;  // null: nobody waits
  const TxnReply* listing = nullptr;  // we have become the planner
};

// What else a claim observes.
struct ChainTerms {
  bool yields = false;    // to those who wait, unless the slot is held for us
  bool in_queue = false;  // our ticket goes with the claim
  // For the next in the queue: what else was free, at the revision that is its `base`.
  std::optional<SlotPlan> handover{};
};

class ClaimTxn {
 public:
  ClaimTxn(const PoolKeys& keys, const PatternTemplate& pattern, ClaimIntent intent)
      : keys_(keys), pattern_(pattern), intent_(std::move(intent)) {}

  const ClaimIntent& intent() const noexcept { return intent_; }

  // Our home twice, if we have one, then `candidates`: the slots in the order of the nest.
  std::vector<SlotId> order(const std::vector<SlotId>& candidates) const;
  std::vector<Operation> chain(const std::vector<SlotId>& candidates, const ChainTerms& terms,
                               std::vector<Operation> last_else) const;

  std::vector<Operation> draw_ticket() const;
  std::vector<Operation> draw_turn(const Election& election) const;
  static std::optional<TurnReply> parse_turn(const TxnReply& last_else, const PoolKeys& keys);

  // What the listing of draw_turn() says.
  Occupancy occupancy(const RangeReply& records, const RangeReply& holds) const;

  // Publishes `plan`, unless another has become planner since `elected`; in any case the
  // planner is none any more. A plan that nobody has drawn a turn for is not written, and
  // the turns begin anew.
  Txn publish(const std::string& plan, std::int64_t turn, Revision elected) const;
  // Whether the transaction of this reply to publish() wrote it.
  static bool published(const TxnReply& reply);

 private:
  Txn try_slot(SlotId slot, bool held_for_us, const ChainTerms& terms) const;
  void leave_queue(SlotId slot, const ChainTerms& terms, std::vector<Operation>& operations) const;
  Txn leave_home() const;
  Txn elect(const Election& election) const;
  Operation put_planner(const Election& election) const;

  const PoolKeys& keys_;
  const PatternTemplate& pattern_;
  const ClaimIntent intent_;
};

Txn end_plan(const PoolKeys& keys, Revision plan);
// If nobody has drawn a turn since `turn`, and so nobody else is about to use the plan; the
// turns begin anew then. The Else reads the turn and whether there is a plan: see plan_in_use().
Txn end_plan_after(const PoolKeys& keys, std::int64_t turn, Revision plan);

// Of the reply to end_plan_after(): the newest turn, while that plan still stands.
std::optional<std::int64_t> plan_in_use(const TxnReply& reply, Revision plan);

const TxnReply* nested(const TxnReply& reply, std::size_t index);      // null: there is no such
const RangeReply* range_in(const TxnReply& reply, std::size_t index);  // null: there is no such

}  // namespace idetcd::internal
