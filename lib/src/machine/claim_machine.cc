#include "machine/claim_machine.h"

#include "model/node_entry.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace idetcd::internal {
namespace {

constexpr int kMaxMisses = 1;  // then the plan counts as wrong
constexpr int kMaxTurns = 8;   // then the queue decides, where every claimant looks for itself

}  // namespace

ClaimMachine::ClaimMachine(const PoolKeys& keys, const PatternTemplate& pattern, ClaimIntent intent)
    : keys_(keys), pattern_(pattern), txn_(keys, pattern, std::move(intent)) {
  const SlotId limit = pattern_.limit();
  const bool small = limit <= kSmallPool;
  candidates_.resize(small ? std::min<std::size_t>(kSmallPoolsFirstChain, limit) : kFirstChain);
  std::iota(candidates_.begin(), candidates_.end(), SlotId{1});
  if (small) return;
  election_.opening = SlotPlan{.base = 1, .limit = limit, .runs = {{kFirstChain + 1, limit - SlotId{kFirstChain}}}};
}

// --- sending ------------------------------------------------------------------------

Txn ClaimMachine::transaction() const {
  const std::string node = keys_.node(txn_.intent().node_id);
  Txn txn;
  txn.compares.push_back(Compare::absent(node));
  txn.success = txn_.chain(candidates_, terms_, last_else());
  if (auto more = beside()) txn.success.emplace_back(std::make_unique<Txn>(std::move(*more)));
  txn.failure.emplace_back(RangeRequest{.keys = KeyRange::one(node)});
  return txn;
}

std::vector<Operation> ClaimMachine::last_else() const {
  switch (stage_) {
    case Stage::kTurn: return txn_.draw_turn(election_);
    case Stage::kPlan: return {};  // rarely needed, and as large as the rest
    case Stage::kQueue: break;
  }
  return txn_.draw_ticket();
}

// What is to happen whether a candidate is free or not.
std::optional<Txn> ClaimMachine::beside() const {
  if (!plan_) return std::nullopt;
  if (plan_->revision == 0) return txn_.publish(to_json(plan_->plan), turn_, planner_);
  if (stage_ == Stage::kQueue) return end_plan(keys_, plan_->revision);
  return std::nullopt;
}

// --- replies ------------------------------------------------------------------------

ClaimOutcome ClaimMachine::on_reply(const TxnReply& reply) {
  if (!reply.succeeded) return owned_or_taken(reply);
  note_published(reply);
  const TxnReply* level = &reply;
  for (const SlotId slot : txn_.order(candidates_)) {
    level = nested(*level, 0);
    if (level == nullptr) return Malformed{};
    if (level->succeeded) return Owned{slot, reply.header.revision, published_};
  }
  if (stage_ == Stage::kTurn) return turn_drawn(*level, reply.header.revision);
  return stage_ == Stage::kQueue ? in_queue(*level, reply.header.revision) : missed();
}

// Somebody who knows no plan has taken our slots. If we had not waited for the plan, that has
// others for our turn.
ClaimOutcome ClaimMachine::missed() {
  stage_ = Stage::kTurn;
  terms_.yields = true;
  lost_one_ = true;
  candidates_.clear();
  if (!plan_) {
    opening_missed_ = true;
    return AwaitPlan{drawn_at_};
  }
  ++misses_;
  plan_.reset();
  return Again{};
}

void ClaimMachine::note_published(const TxnReply& reply) {
  if (!plan_ || plan_->revision != 0 || reply.replies.empty()) return;
  const TxnReply* beside = nested(reply, reply.replies.size() - 1);
  if (beside && ClaimTxn::published(*beside)) published_ = Published{reply.header.revision, turn_};
}

ClaimOutcome ClaimMachine::owned_or_taken(const TxnReply& reply) {
  const RangeReply* found = range_in(reply, 0);
  if (found == nullptr || found->kvs.size() != 1) return Malformed{};
  const KeyValue& kv = found->kvs.front();
  const auto entry = parse_node_entry(kv.value);
  // Our own lease: an earlier try took the slot, and only its answer was lost.
  if (kv.lease == txn_.intent().session && entry) {
    if (plan_ && plan_->revision == 0) published_ = Published{kv.mod_revision, turn_};
    return Owned{entry->slot, kv.mod_revision, published_};
  }
  if (!entry) return Taken{.lease = kv.lease};
  return Taken{kv.lease, entry->slot, entry->address, entry->boot};
}

// --- turns and plans ------------------------------------------------------------------

ClaimOutcome ClaimMachine::turn_drawn(const TxnReply& last_else, Revision revision) {
  const auto drawn = ClaimTxn::parse_turn(last_else, keys_);
  if (!drawn) return Malformed{};
  candidates_.clear();
  turn_ = drawn->turn;
  turns_since_ = drawn->since;
  drawn_at_ = revision;
  if (drawn->listing) return elected(*drawn->listing);
  planned_up_to_ = 0;
  // Ours, but for an answer that was lost before our slots were.
  if (drawn->plan && drawn->plan->lease == txn_.intent().session) {
    published_ = Published{drawn->plan->mod_revision, turn_};
  }
  const Election before = std::exchange(election_, {});
  if (++turns_ > kMaxTurns) {
    line_up();
  } else if (drawn->plan && drawn->plan->mod_revision != before.refused) {
    follow(*drawn->plan);
  } else if (drawn->planner) {
    planner_ = drawn->planner->mod_revision;
    if (drawn->planner->lease == txn_.intent().session) {
      election_ = before;
      election_.opening.reset();     // turns have been drawn
      election_.deposed = planner_;  // that is us, but for an answer that was lost
    } else if (!follow_opening(*drawn->planner)) {
      return AwaitPlan{revision};
    }
  } else if (drawn->waiting) {
    // Behind those who wait; only they list.
    if (ticket_limit(drawn->waiting->value, pattern_.limit()) == pattern_.limit()) {
      line_up();
    } else {
      election_.passed = drawn->waiting->mod_revision;
    }
  }
  return Again{};
}

ClaimOutcome ClaimMachine::elected(const TxnReply& listing) {
  election_ = {};
  const RangeReply* records = range_in(listing, 1);
  const RangeReply* holds = range_in(listing, 2);
  const RangeReply* tickets = range_in(listing, 3);
  if (!records || !holds || !tickets) return Malformed{};
  const Occupancy occupancy = txn_.occupancy(*records, *holds);
  TicketCount ahead(pattern_.limit());
  for (const KeyValue& kv : tickets->kvs) {
    if (kv.key != keys_.ticket(txn_.intent().node_id)) ahead.add(ticket_limit(kv.value, pattern_.limit()));
  }
  const std::size_t owed = ahead.pairing(occupancy) - 1;
  SlotPlan plan = plan_of(occupancy, pattern_.limit(), planned_up_to_ + 1, owed);
  // Those below may have been left by claimants that died.
  if (std::exchange(planned_up_to_, 0) != 0 && plan.runs.empty()) plan = plan_of(occupancy, pattern_.limit(), 1, owed);
  plan.base = turn_;
  plan.since = turns_since_;
  const auto as_published = parse_slot_plan(to_json(plan));
  if (!as_published) return Malformed{};
  planner_ = drawn_at_;
  plan_ = FollowedPlan{*as_published, 0};
  stage_ = Stage::kPlan;
  terms_.yields = false;  // those who wait have their slots: they are not in the plan
  candidates_ = plan_->plan.from(turn_, planned_chain());
  if (candidates_.empty()) line_up();
  return Again{};
}

std::size_t ClaimMachine::planned_chain() const noexcept {
  return lost_one_ ? std::min(max_chain_, kAimedChain) : kPlannedChain;
}

// Afterwards transaction() is aimed at our slots, or draws another turn, or a ticket.
void ClaimMachine::follow(const KeyValue& kv) {
  const auto plan = parse_slot_plan(kv.value);
  if (!plan || misses_ > kMaxMisses) return refuse(kv.mod_revision);
  const bool other_turns = plan->since != 0 && plan->since != turns_since_;
  if (other_turns || plan->base > turn_) {
    // We waited for an earlier planner; or the turns have begun anew.
    if (kv.mod_revision < drawn_at_) refuse(kv.mod_revision);
    return;
  }
  candidates_ = plan->from(turn_, planned_chain());
  const bool exhausted = candidates_.empty();
  std::erase_if(candidates_, [this](SlotId slot) { return slot > pattern_.limit(); });
  if (exhausted && (!plan->complete || plan->limit < pattern_.limit())) {
    planned_up_to_ = plan->last();
    return refuse(kv.mod_revision);
  }
  if (!candidates_.empty()) {
    stage_ = Stage::kPlan;
    terms_.yields = false;
  } else {
    line_up();
    if (!exhausted) return;  // it is good for others, whose limit is higher
  }
  plan_ = FollowedPlan{*plan, kv.mod_revision};
}

// The pool was empty for the planner, which drew the first turn. False: wait for its plan.
bool ClaimMachine::follow_opening(const KeyValue& planner) {
  const auto opening = opening_missed_ ? std::nullopt : parse_slot_plan(planner.value);
  if (!opening || planner.mod_revision != turns_since_) return false;
  candidates_ = opening->from(turn_, planned_chain());
  std::erase_if(candidates_, [this](SlotId slot) { return slot > pattern_.limit(); });
  if (candidates_.empty()) return false;
  stage_ = Stage::kPlan;
  terms_.yields = false;  // nobody waits for them
  return true;
}

void ClaimMachine::refuse(Revision plan) {
  misses_ = 0;
  election_.refused = plan;
}

bool ClaimMachine::on_hints(const WatchBatch& batch) {
  bool ended = false;
  for (const Event& event : batch.events) {
    const bool put = event.type == Event::Type::kPut;
    if (event.kv.key == keys_.plan() && put) {
      follow(event.kv);
      return true;
    }
    if (event.kv.key != keys_.planner()) continue;
    ended = !put;
    if (put) planner_ = event.kv.mod_revision;
  }
  return ended;  // without a plan
}

// --- the queue ------------------------------------------------------------------------

void ClaimMachine::line_up() {
  stage_ = Stage::kQueue;
  terms_ = {.in_queue = true};
  candidates_.clear();
}

ClaimOutcome ClaimMachine::in_queue(const TxnReply& last_else, Revision revision) {
  plan_.reset();
  candidates_.clear();
  terms_.handover.reset();
  const RangeReply* tickets = range_in(last_else, 1);
  if (!tickets) return Malformed{};
  return InQueue{tickets->kvs, revision};
}

void ClaimMachine::retarget(const Occupancy& occupancy, std::size_t rank, std::optional<SlotPlan> handover) {
  auto slots = occupancy.free_from(rank, std::min(max_chain_, kAimedChain));
  if (!slots.empty()) candidates_ = std::move(slots);
  terms_.handover = std::move(handover);
}

bool ClaimMachine::shorten_chain() noexcept {
  if (max_chain_ == 1) return false;
  max_chain_ = 1;
  if (candidates_.size() > max_chain_) candidates_.resize(max_chain_);
  return true;
}

}  // namespace idetcd::internal
