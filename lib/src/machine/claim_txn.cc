#include "machine/claim_txn.h"

#include "model/node_entry.h"

#include <algorithm>

namespace idetcd::internal {
namespace {

std::unique_ptr<Txn> boxed(Txn txn) {
  return std::make_unique<Txn>(std::move(txn));
}

Compare version_is(std::string key, std::int64_t version) {
  return {.key = std::move(key), .target = Compare::Target::kVersion, .number = version, .text = {}};
}

}  // namespace

const TxnReply* nested(const TxnReply& reply, std::size_t index) {
  if (index >= reply.replies.size()) return nullptr;
  const auto* inner = std::get_if<std::unique_ptr<TxnReply>>(&reply.replies[index]);
  return inner ? inner->get() : nullptr;
}

const RangeReply* range_in(const TxnReply& reply, std::size_t index) {
  return index < reply.replies.size() ? std::get_if<RangeReply>(&reply.replies[index]) : nullptr;
}

// --- taking a slot ---------------------------------------------------------------

std::vector<SlotId> ClaimTxn::order(const std::vector<SlotId>& candidates) const {
  std::vector<SlotId> slots;
  if (intent_.home) slots.insert(slots.end(), 2, *intent_.home);
  slots.insert(slots.end(), candidates.begin(), candidates.end());
  return slots;
}

// Built from the last level outwards, since each level holds the next.
std::vector<Operation> ClaimTxn::chain(const std::vector<SlotId>& candidates, const ChainTerms& terms,
                                       std::vector<Operation> last_else) const {
  const auto prepend = [&](SlotId slot, bool held_for_us) {
    Txn level = try_slot(slot, held_for_us, terms);
    level.failure = std::move(last_else);
    last_else.clear();
    last_else.emplace_back(boxed(std::move(level)));
  };
  for (auto slot = candidates.rbegin(); slot != candidates.rend(); ++slot) prepend(*slot, false);
  if (intent_.home) {
    prepend(*intent_.home, false);
    prepend(*intent_.home, true);
  }
  return last_else;
}

Txn ClaimTxn::try_slot(SlotId slot, bool held_for_us, const ChainTerms& terms) const {
  Txn txn;
  const std::string record = keys_.record(pattern_.render(slot));
  txn.compares.push_back(Compare::absent(record));
  txn.compares.push_back(held_for_us ? Compare::value_is(keys_.hold(slot), intent_.node_id)
                                     : Compare::absent(keys_.hold(slot)));
  if (terms.yields && !held_for_us) txn.compares.push_back(Compare::absent(keys_.waiting()));
  txn.success.emplace_back(PutRequest{record, intent_.record, intent_.session});
  txn.success.emplace_back(PutRequest{keys_.node(intent_.node_id),
                                      to_json(NodeEntry{slot, intent_.address, intent_.boot}), intent_.session});
  if (terms.in_queue) leave_queue(slot, terms, txn.success);
  if (intent_.grace != 0) {
    txn.success.emplace_back(PutRequest{keys_.hold(slot), intent_.node_id, intent_.grace});
    txn.success.emplace_back(PutRequest{keys_.home(intent_.node_id), std::to_string(slot), intent_.grace});
    if (intent_.home && *intent_.home != slot) txn.success.emplace_back(boxed(leave_home()));
  }
  return txn;
}

// The newest of those who wait has put the key that says so.
void ClaimTxn::leave_queue(SlotId slot, const ChainTerms& terms, std::vector<Operation>& operations) const {
  operations.emplace_back(DeleteRequest{KeyRange::one(keys_.ticket(intent_.node_id))});
  Txn last;
  last.compares.push_back(Compare::lease_is(keys_.waiting(), intent_.session));
  last.success.emplace_back(DeleteRequest{KeyRange::one(keys_.waiting())});
  operations.emplace_back(boxed(std::move(last)));
  if (auto rest = terms.handover) {
    rest->remove(slot);
    operations.emplace_back(PutRequest{keys_.handover(), to_json(*rest), intent_.session});
  }
}

// Our grace lease lives on, and would keep two slots for one node.
Txn ClaimTxn::leave_home() const {
  Txn txn;
  txn.compares.push_back(Compare::value_is(keys_.hold(*intent_.home), intent_.node_id));
  txn.success.emplace_back(DeleteRequest{KeyRange::one(keys_.hold(*intent_.home))});
  return txn;
}

// --- the last Else -----------------------------------------------------------------

// A ticket that is there already keeps its create revision, which is our place; put
// again only to move one that a dead run of this node left under its own lease.
std::vector<Operation> ClaimTxn::draw_ticket() const {
  const std::string ticket = keys_.ticket(intent_.node_id);
  Txn draw;
  draw.compares.push_back(Compare::lease_is(ticket, intent_.session));
  draw.failure.emplace_back(PutRequest{ticket, std::to_string(pattern_.limit()), intent_.session});
  draw.failure.emplace_back(PutRequest{keys_.waiting(), std::to_string(pattern_.limit()), intent_.session});
  std::vector<Operation> operations;
  operations.emplace_back(boxed(std::move(draw)));
  operations.emplace_back(RangeRequest{.keys = keys_.tickets()});
  return operations;
}

std::vector<Operation> ClaimTxn::draw_turn(const Election& election) const {
  std::vector<Operation> operations;
  operations.emplace_back(PutRequest{keys_.turn(), {}, 0});
  operations.emplace_back(RangeRequest{.keys = KeyRange::one(keys_.turn())});
  operations.emplace_back(RangeRequest{.keys = keys_.plans()});
  operations.emplace_back(boxed(elect(election)));
  return operations;
}

// Only whoever is elected is told what is taken.
Txn ClaimTxn::elect(const Election& election) const {
  Txn txn;
  txn.compares.push_back(election.refused == 0 ? Compare::absent(keys_.plan())
                                               : Compare::modified_at(keys_.plan(), election.refused));
  txn.compares.push_back(election.deposed == 0 ? Compare::absent(keys_.planner())
                                               : Compare::modified_at(keys_.planner(), election.deposed));
  txn.compares.push_back(election.passed == 0 ? Compare::absent(keys_.waiting())
                                              : Compare::modified_at(keys_.waiting(), election.passed));
  txn.success.push_back(put_planner(election));
  txn.success.emplace_back(RangeRequest{.keys = keys_.records(), .keys_only = true});
  txn.success.emplace_back(RangeRequest{.keys = keys_.holds()});
  txn.success.emplace_back(RangeRequest{.keys = keys_.tickets()});
  if (election.refused != 0) txn.success.emplace_back(DeleteRequest{KeyRange::one(keys_.plan())});
  return txn;
}

// A pool is as good as empty if no turn was drawn lately, so that ours is the first, and no
// name is taken but those of the first chain. In that order: etcd looks no further than to
// the first that does not hold, and would read all the names.
Operation ClaimTxn::put_planner(const Election& election) const {
  const auto put = [&](std::string value) { return PutRequest{keys_.planner(), std::move(value), intent_.session}; };
  if (!election.opening) return put({});
  const SlotId first = election.opening->runs.front().first;
  Txn if_empty;
  if_empty.compares.push_back(Compare::absent(keys_.turn()));
  if_empty.compares.push_back(Compare::absent(keys_.record(pattern_.render(first))));
  std::vector<std::string> taken;
  for (SlotId slot = 1; slot < first; ++slot) taken.push_back(keys_.record(pattern_.render(slot)));
  std::sort(taken.begin(), taken.end());
  std::string begin = keys_.records().begin;
  for (std::string& key : taken) {
    if (begin < key) if_empty.compares.push_back(Compare::none_in({begin, key}));
    begin = std::move(key) + '\0';
  }
  if_empty.compares.push_back(Compare::none_in({begin, keys_.records().end}));
  if_empty.success.emplace_back(put(to_json(*election.opening)));
  if_empty.failure.emplace_back(put({}));
  return boxed(std::move(if_empty));
}

std::optional<TurnReply> ClaimTxn::parse_turn(const TxnReply& last_else, const PoolKeys& keys) {
  const RangeReply* turn = range_in(last_else, 1);
  const RangeReply* plans = range_in(last_else, 2);
  const TxnReply* election = nested(last_else, 3);
  if (!turn || turn->kvs.size() != 1 || !plans || !election) return std::nullopt;
  TurnReply reply{.turn = turn->kvs.front().version, .since = turn->kvs.front().create_revision};
  for (const KeyValue& kv : plans->kvs) {
    if (kv.key == keys.plan()) reply.plan = &kv;
    if (kv.key == keys.planner()) reply.planner = &kv;
    if (kv.key == keys.waiting()) reply.waiting = &kv;
  }
  if (election->succeeded) reply.listing = election;
  return reply;
}

Occupancy ClaimTxn::occupancy(const RangeReply& records, const RangeReply& holds) const {
  Occupancy occupancy(pattern_.limit());
  for (const KeyValue& kv : records.kvs) {
    const auto name = keys_.record_name(kv.key);
    if (const auto slot = name ? pattern_.match(*name) : std::nullopt) {
      occupancy.set(*slot, Occupancy::Reason::kRecord);
    }
  }
  for (const KeyValue& kv : holds.kvs) {
    const auto slot = keys_.slot_of_hold(kv.key);
    if (slot && kv.value != intent_.node_id) occupancy.set(*slot, Occupancy::Reason::kHold);
  }
  return occupancy;
}

// --- beside the chain ----------------------------------------------------------------

Txn ClaimTxn::publish(const std::string& plan, std::int64_t turn, Revision elected) const {
  Txn unless_unheeded;
  unless_unheeded.compares.push_back(version_is(keys_.turn(), turn));
  unless_unheeded.success.emplace_back(DeleteRequest{KeyRange::one(keys_.turn())});
  unless_unheeded.failure.emplace_back(PutRequest{keys_.plan(), plan, intent_.session});
  Txn txn;
  txn.compares.push_back(Compare::modified_at(keys_.planner(), elected));
  txn.success.emplace_back(boxed(std::move(unless_unheeded)));
  txn.success.emplace_back(DeleteRequest{KeyRange::one(keys_.planner())});
  return txn;
}

bool ClaimTxn::published(const TxnReply& reply) {
  const TxnReply* unless_unheeded = reply.succeeded ? nested(reply, 0) : nullptr;
  return unless_unheeded && !unless_unheeded->succeeded;
}

Txn end_plan(const PoolKeys& keys, Revision plan) {
  Txn txn;
  txn.compares.push_back(Compare::modified_at(keys.plan(), plan));
  txn.success.emplace_back(DeleteRequest{KeyRange::one(keys.plan())});
  return txn;
}

Txn end_plan_after(const PoolKeys& keys, std::int64_t turn, Revision plan) {
  Txn txn = end_plan(keys, plan);
  txn.compares.push_back(version_is(keys.turn(), turn));
  txn.success.emplace_back(DeleteRequest{KeyRange::one(keys.turn())});
  txn.failure.emplace_back(RangeRequest{.keys = KeyRange::one(keys.turn())});
  txn.failure.emplace_back(RangeRequest{.keys = KeyRange::one(keys.plan()), .keys_only = true});
  return txn;
}

std::optional<std::int64_t> plan_in_use(const TxnReply& reply, Revision plan) {
  if (reply.succeeded) return std::nullopt;
  const RangeReply* turn = range_in(reply, 0);
  const RangeReply* plans = range_in(reply, 1);
  if (!turn || !plans || plans->kvs.empty()) return std::nullopt;
  if (plans->kvs.front().mod_revision != plan) return std::nullopt;
  return turn->kvs.empty() ? 0 : turn->kvs.front().version;
}

}  // namespace idetcd::internal
