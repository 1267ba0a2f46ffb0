// ClaimMachine: the claim as a pure machine. It yields transactions and takes their
// replies; it does no I/O, knows no time, and so can be driven through every
// interleaving in a test.
//
// One transaction takes the first free of K slots (etcd evaluates nested transactions
// atomically). If none of them is free it draws a turn instead. One claimant lists what
// is taken and publishes a plan; everybody else goes for the slot that the plan has for
// its turn. Where the plan has none left, the pool is full or nearly so, and the claimant
// draws a ticket: its place in the queue.
//
// Where a pool is empty, the planner says so as soon as it is elected, with an opening:
// the plan that it will publish. Nobody waits for that plan then.
//
// Safety rests on the compare alone. Turn, plan and planner only say where to look, and
// may be lost or wrong at any moment.
#pragma once

#include "machine/claim_txn.h"
#include "machine/occupancy.h"
#include "machine/ticket_count.h"
#include "model/pool_keys.h"
#include "model/slot_plan.h"

#include <idetcd/etcd.h>
#include <idetcd/pattern_template.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace idetcd::internal {

// A plan that we have published, or may have, if an answer was lost. It is ours to end.
struct Published {
  Revision plan = 0;
  std::int64_t turn = 0;  // the newest that we know of
};

struct Owned {
  SlotId slot = 0;
  Revision token = 0;
  std::optional<Published> published{};
};

// transaction() is another one now: send it.
struct Again {};

// Somebody is making a plan: watch PoolKeys::plans() from the next revision on, and hand
// the events to on_hints(); after a bounded time, call planner_overdue().
struct AwaitPlan {
  Revision after = 0;
};

// We hold a ticket: wait, then retarget() by what the watches show.
struct InQueue {
  std::vector<KeyValue> tickets;  // of all that wait, at
  Revision revision = 0;
};

// Our node entry is there under a lease that is not ours.
struct Taken {
  LeaseId lease = 0;
  SlotId slot = 0;
  std::string address{};
  std::string boot{};
};

struct Malformed {};  // a reply that does not fit the transaction

using ClaimOutcome = std::variant<Owned, Again, AwaitPlan, InQueue, Taken, Malformed>;

class ClaimMachine {
 public:
  // Each link carries the record once more, which is most of what a storm sends.
  static constexpr std::size_t kFirstChain = 1;    // the lowest slot, for an empty pool
  static constexpr std::size_t kPlannedChain = 1;  // ours; the next is the next turn's
  static constexpr std::size_t kAimedChain = 2;    // the next too, of a waiter, and of who has lost a planned one
  static constexpr std::size_t kSmallPool = 16;    // no storm can be large where the limit is
  static constexpr std::size_t kSmallPoolsFirstChain = 8;

  ClaimMachine(const PoolKeys& keys, const PatternTemplate& pattern, ClaimIntent intent);

  // The transaction to send now; the same again until a reply is taken, so a
  // transaction whose outcome is unknown can simply be sent again.
  Txn transaction() const;

  ClaimOutcome on_reply(const TxnReply& reply);

  // After AwaitPlan. False: go on waiting; true: send transaction().
  bool on_hints(const WatchBatch& batch);
  void planner_overdue() noexcept { election_.deposed = planner_; }
  Revision planner() const noexcept { return planner_; }  // whom we wait for

  // False if the chain cannot get shorter: etcd's limit is too low for us.
  bool shorten_chain() noexcept;

  // After InQueue: transaction() is aimed at the `rank`-th free slot. `handover`: as
  // ChainTerms has it.
  void retarget(const Occupancy& occupancy, std::size_t rank, std::optional<SlotPlan> handover = {});

 private:
  enum class Stage {
    kTurn,   // draws a turn if no candidate is free
    kPlan,   // takes a slot of plan_, and publishes that if it is ours
    kQueue,  // draws a ticket if no candidate is free
  };
  struct FollowedPlan {
    SlotPlan plan;
    Revision revision = 0;
  };

  std::vector<Operation> last_else() const;
  std::optional<Txn> beside() const;
  void note_published(const TxnReply& reply);
  ClaimOutcome owned_or_taken(const TxnReply& reply);
  ClaimOutcome missed();
  ClaimOutcome turn_drawn(const TxnReply& last_else, Revision revision);
  ClaimOutcome elected(const TxnReply& listing);
  void follow(const KeyValue& plan);
  bool follow_opening(const KeyValue& planner);
  std::size_t planned_chain() const noexcept;
  void refuse(Revision plan);
  void line_up();
  ClaimOutcome in_queue(const TxnReply& last_else, Revision revision);

  const PoolKeys& keys_;
  const PatternTemplate& pattern_;
  const ClaimTxn txn_;
  Stage stage_ = Stage::kTurn;
  std::size_t max_chain_ = kSmallPoolsFirstChain;
  std::vector<SlotId> candidates_;
  std::int64_t turn_ = 0;     // the newest that we have drawn
  Revision turns_since_ = 0;  // where the turns that it is one of begin
  Revision drawn_at_ = 0;
  int turns_ = 0;   // how many
  int misses_ = 0;  // plans whose slots for us were taken
  std::optional<Published> published_;
  std::optional<FollowedPlan> plan_;  // that candidates_ are from; revision 0: ours
  bool lost_one_ = false;             // a slot that a plan had for us
  bool opening_missed_ = false;       // then we wait for plans
  Election election_;
  Revision planner_ = 0;      // of the planner key that we wait for, or as the planner have put
  SlotId planned_up_to_ = 0;  // by a plan that had no room for more
  ChainTerms terms_{.yields = true};
};

}  // namespace idetcd::internal
