#include "unit/claim/previous_claim.h"

#include "model/node_entry.h"

#include <algorithm>
#include <numeric>

namespace idetcd::testing {
namespace {

std::unique_ptr<Txn> boxed(Txn txn) {
  return std::make_unique<Txn>(std::move(txn));
}

}  // namespace

PreviousClaim::PreviousClaim(const PoolKeys& keys, const PatternTemplate& pattern, ClaimIntent intent)
    : keys_(keys), pattern_(pattern), intent_(std::move(intent)) {
  candidates_.resize(std::min<std::size_t>(chain_length_, pattern_.limit()));
  std::iota(candidates_.begin(), candidates_.end(), SlotId{1});
}

Txn PreviousClaim::transaction() const {
  Txn txn;
  txn.compares.push_back(Compare::absent(keys_.node(intent_.node_id)));
  txn.success.emplace_back(boxed(chain()));
  txn.failure.emplace_back(RangeRequest{.keys = KeyRange::one(keys_.node(intent_.node_id))});
  return txn;
}

// Built from the last level outwards, since each level holds the next.
Txn PreviousClaim::chain() const {
  std::vector<Operation> otherwise = draw_ticket();
  Txn level;
  const auto prepend = [&](SlotId slot, bool held_for_us) {
    level = try_slot(slot, held_for_us);
    level.failure = std::move(otherwise);
    otherwise.clear();
    otherwise.emplace_back(boxed(std::move(level)));
  };
  for (auto slot = candidates_.rbegin(); slot != candidates_.rend(); ++slot) prepend(*slot, false);
  if (intent_.home) {
    prepend(*intent_.home, false);
    prepend(*intent_.home, true);
  }
  return std::move(*std::get<std::unique_ptr<Txn>>(otherwise.front()));
}

Txn PreviousClaim::try_slot(SlotId slot, bool held_for_us) const {
  Txn txn;
  const std::string record = keys_.record(pattern_.render(slot));
  txn.compares.push_back(Compare::absent(record));
  txn.compares.push_back(held_for_us ? Compare::value_is(keys_.hold(slot), intent_.node_id)
                                     : Compare::absent(keys_.hold(slot)));
  txn.success.emplace_back(PutRequest{record, intent_.record, intent_.session});
  const NodeEntry entry{slot, intent_.address, intent_.boot};
  txn.success.emplace_back(PutRequest{keys_.node(intent_.node_id), to_json(entry), intent_.session});
  txn.success.emplace_back(DeleteRequest{KeyRange::one(keys_.ticket(intent_.node_id))});
  if (intent_.grace != 0) {
    txn.success.emplace_back(PutRequest{keys_.hold(slot), intent_.node_id, intent_.grace});
    txn.success.emplace_back(PutRequest{keys_.home(intent_.node_id), std::to_string(slot), intent_.grace});
    if (intent_.home && *intent_.home != slot) txn.success.emplace_back(boxed(leave_home()));
  }
  return txn;
}

// Our grace lease lives on, and would keep two slots for one node.
Txn PreviousClaim::leave_home() const {
  Txn txn;
  txn.compares.push_back(Compare::value_is(keys_.hold(*intent_.home), intent_.node_id));
  txn.success.emplace_back(DeleteRequest{KeyRange::one(keys_.hold(*intent_.home))});
  return txn;
}

// A ticket that is there already keeps its create revision, which is our place; put
// again only to move one that a dead run of this node left under its own lease.
std::vector<Operation> PreviousClaim::draw_ticket() const {
  const std::string ticket = keys_.ticket(intent_.node_id);
  Txn draw;
  draw.compares.push_back(Compare::lease_is(ticket, intent_.session));
  draw.failure.emplace_back(PutRequest{ticket, std::to_string(pattern_.limit()), intent_.session});
  RangeRequest tickets{.keys = keys_.tickets()};
  if (count_is_rank_) {
    tickets.count_only = true;
  } else {
    tickets.keys_only = true;
    tickets.sort = SortBy::kCreateRevision;
  }
  std::vector<Operation> operations;
  operations.emplace_back(boxed(std::move(draw)));
  operations.emplace_back(std::move(tickets));
  operations.emplace_back(RangeRequest{.keys = keys_.records(), .keys_only = true});
  operations.emplace_back(RangeRequest{.keys = keys_.holds()});
  return operations;
}

PreviousOutcome PreviousClaim::on_reply(const TxnReply& reply) {
  if (!reply.succeeded) return owned_or_taken(reply);
  const TxnReply* level = nested(reply, 0);
  std::vector<SlotId> order;
  if (intent_.home) order.insert(order.end(), 2, *intent_.home);
  order.insert(order.end(), candidates_.begin(), candidates_.end());
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (level == nullptr) return Malformed{};
    if (level->succeeded) return Owned{order[i], reply.header.revision, {}};
    if (i + 1 < order.size()) level = nested(*level, 0);
  }
  return level ? ranked(*level) : Malformed{};
}

PreviousOutcome PreviousClaim::owned_or_taken(const TxnReply& reply) const {
  const RangeReply* found = range_in(reply, 0);
  if (found == nullptr || found->kvs.size() != 1) return Malformed{};
  const KeyValue& kv = found->kvs.front();
  const auto entry = parse_node_entry(kv.value);
  // Our own lease: an earlier try took the slot, and only its answer was lost.
  if (kv.lease == intent_.session && entry) return Owned{entry->slot, kv.mod_revision, {}};
  if (!entry) return Taken{.lease = kv.lease};
  return Taken{kv.lease, entry->slot, entry->address, entry->boot};
}

PreviousOutcome PreviousClaim::ranked(const TxnReply& last_else) {
  const RangeReply* tickets = range_in(last_else, 1);
  const RangeReply* records = range_in(last_else, 2);
  const RangeReply* holds = range_in(last_else, 3);
  if (!tickets || !records || !holds) return Malformed{};

  Occupancy occupancy(pattern_.limit());
  for (const KeyValue& kv : records->kvs) {
    const auto name = keys_.record_name(kv.key);
    if (const auto slot = name ? pattern_.match(*name) : std::nullopt) {
      occupancy.set(*slot, Occupancy::Reason::kRecord);
    }
  }
  for (const KeyValue& kv : holds->kvs) {
    const auto slot = keys_.slot_of_hold(kv.key);
    if (slot && kv.value != intent_.node_id) occupancy.set(*slot, Occupancy::Reason::kHold);
  }

  std::size_t rank = static_cast<std::size_t>(std::max<std::int64_t>(tickets->count, 1));
  if (!count_is_rank_) {
    const std::string mine = keys_.ticket(intent_.node_id);
    const auto place =
        std::find_if(tickets->kvs.begin(), tickets->kvs.end(), [&](const KeyValue& kv) { return kv.key == mine; });
    if (place == tickets->kvs.end()) return Malformed{};
    rank = static_cast<std::size_t>(place - tickets->kvs.begin()) + 1;
  }
  count_is_rank_ = false;
  retarget(occupancy, rank);
  return Ranked{rank, occupancy.free()};
}

void PreviousClaim::retarget(const Occupancy& occupancy, std::size_t rank) {
  auto slots = occupancy.free_from(rank, std::min(chain_length_, kAimedChain));
  if (!slots.empty()) candidates_ = std::move(slots);
}

bool PreviousClaim::shorten_chain() noexcept {
  if (chain_length_ == 1) return false;
  chain_length_ /= 2;
  if (candidates_.size() > chain_length_) candidates_.resize(chain_length_);
  return true;
}

}  // namespace idetcd::testing
