#include "machine/waiting_room.h"

#include "model/node_entry.h"

#include <algorithm>
#include <utility>

namespace idetcd::internal {

WaitingRoom::WaitingRoom(const PoolKeys& keys, const PatternTemplate& pattern, std::string node_id)
    : keys_(keys),
      pattern_(pattern),
      node_id_(std::move(node_id)),
      occupancy_(pattern.limit()),
      ahead_(pattern.limit()) {}

Txn WaitingRoom::listing() const {
  Txn txn;
  txn.success.emplace_back(RangeRequest{.keys = KeyRange::one(keys_.ticket(node_id_))});
  txn.success.emplace_back(RangeRequest{.keys = keys_.members()});
  txn.success.emplace_back(RangeRequest{.keys = keys_.records(), .keys_only = true});
  return txn;
}

bool WaitingRoom::enter(const std::vector<KeyValue>& tickets, Revision revision) {
  const std::string mine = keys_.ticket(node_id_);
  const auto own = std::find_if(tickets.begin(), tickets.end(), [&](const KeyValue& kv) { return kv.key == mine; });
  if (own == tickets.end()) return false;
  occupancy_ = Occupancy(pattern_.limit());
  owners_.clear();
  holds_.clear();
  tickets_.clear();
  ahead_ = TicketCount(pattern_.limit());
  handover_.reset();
  knows_slots_ = false;
  touched_.clear();
  owners_since_.reset();
  records_since_.reset();
  ticket_ = own->create_revision;
  revision_ = known_at_ = records_seen_ = revision;
  for (const KeyValue& kv : tickets) member_put(kv);
  return true;
}

bool WaitingRoom::load(const TxnReply& reply) {
  if (!reply.succeeded || reply.replies.size() != 3) return false;
  const auto* ticket = std::get_if<RangeReply>(&reply.replies[0]);
  const auto* members = std::get_if<RangeReply>(&reply.replies[1]);
  const auto* records = std::get_if<RangeReply>(&reply.replies[2]);
  if (!ticket || !members || !records || !enter(ticket->kvs, reply.header.revision)) return false;
  for (const KeyValue& kv : members->kvs) member_put(kv);
  for (const KeyValue& kv : records->kvs) {
    const auto name = keys_.record_name(kv.key);
    if (const auto slot = name ? pattern_.match(*name) : std::nullopt) {
      occupancy_.set(*slot, Occupancy::Reason::kRecord);
    }
  }
  knows_slots_ = true;
  return true;
}

// --- from one to the next -----------------------------------------------------------

// Only what came in the same transaction as the departure that made us the next one: then
// nobody else has been the next one in between.
WaitingRoom::TakeOver WaitingRoom::take_over() {
  if (!handover_ || handover_->at != departed_ || handover_->free.limit < pattern_.limit()) return TakeOver::kNothing;
  const Revision known_at = handover_->free.base;
  const bool watched = owners_since_ && records_since_ && std::max(*owners_since_, *records_since_) <= known_at;
  if (!watched) {
    occupancy_ = Occupancy(pattern_.limit());
    owners_.clear();
    holds_.clear();
    touched_.clear();
    revision_ = records_seen_ = known_at;
  }
  std::erase_if(touched_, [known_at](const auto& one) { return one.second <= known_at; });
  SlotId slot = 1;
  const auto set_up_to = [&](SlotId end, auto change) {
    for (; slot < end; ++slot) {
      if (!touched_.contains(slot)) (occupancy_.*change)(slot, Occupancy::Reason::kRecord);
    }
  };
  for (const SlotRun& run : handover_->free.runs) {
    set_up_to(run.first, &Occupancy::set);
    set_up_to(run.first + run.count, &Occupancy::clear);
  }
  set_up_to(pattern_.limit() + 1, &Occupancy::set);
  known_at_ = known_at;
  knows_slots_ = true;
  return watched ? TakeOver::kDone : TakeOver::kWatchAnew;
}

// What the records alone have shown, at the last of them: the other watch may lag behind.
// A hold says nothing about its slot's record, and a plan has no room for both.
std::optional<SlotPlan> WaitingRoom::handover() const {
  const bool somebody_waits = tickets_.size() > ahead_.count();
  if (!knows_slots_ || !somebody_waits || !holds_.empty()) return std::nullopt;
  SlotPlan plan = plan_of(occupancy_.without(Occupancy::Reason::kOwner), pattern_.limit(), 1, 0);
  plan.base = records_seen_;
  const auto as_written = parse_slot_plan(to_json(plan));
  return as_written && as_written->complete ? as_written : std::nullopt;
}

// --- events -------------------------------------------------------------------------

void WaitingRoom::apply_queue(const WatchBatch& batch) {
  for (const Event& event : batch.events) {
    if (event.type == Event::Type::kDelete) {
      member_deleted(event.kv);
    } else if (event.kv.key == keys_.handover()) {
      auto free = parse_slot_plan(event.kv.value);
      handover_ = free ? std::optional(Handover{std::move(*free), event.kv.mod_revision}) : std::nullopt;
    } else {
      member_put(event.kv);
    }
  }
}

void WaitingRoom::apply_members(const WatchBatch& batch) {
  for (const Event& event : batch.events) {
    if (event.type == Event::Type::kPut) {
      member_put(event.kv);
    } else {
      member_deleted(event.kv);
    }
  }
}

void WaitingRoom::apply_records(const WatchBatch& batch) {
  for (const Event& event : batch.events) {
    records_seen_ = std::max(records_seen_, event.kv.mod_revision);
    const auto name = keys_.record_name(event.kv.key);
    const auto slot = name ? pattern_.match(*name) : std::nullopt;
    if (!slot) continue;
    if (event.kv.mod_revision <= known_at_) continue;  // our watch lags behind what was handed over
    if (!knows_slots_) touched_[*slot] = event.kv.mod_revision;
    if (event.type == Event::Type::kPut) {
      occupancy_.set(*slot, Occupancy::Reason::kRecord);
    } else {
      occupancy_.clear(*slot, Occupancy::Reason::kRecord);
    }
  }
}

void WaitingRoom::member_put(const KeyValue& kv) {
  if (const auto node = keys_.node_of_member(kv.key)) {
    node_put(std::string(*node), kv.value);
  } else if (const auto waiting = keys_.node_of_ticket(kv.key)) {
    if (*waiting == node_id_) {
      ticket_ = kv.create_revision;
    } else {
      ticket_put(std::string(*waiting), kv);
    }
  } else if (const auto slot = keys_.slot_of_hold(kv.key)) {
    holds_.insert(*slot);
    if (kv.value == node_id_) {
      occupancy_.clear(*slot, Occupancy::Reason::kHold);
    } else {
      occupancy_.set(*slot, Occupancy::Reason::kHold);
    }
  }
}

void WaitingRoom::member_deleted(const KeyValue& kv) {
  if (const auto node = keys_.node_of_member(kv.key)) {
    node_gone(std::string(*node));
  } else if (const auto waiting = keys_.node_of_ticket(kv.key)) {
    if (*waiting == node_id_) {
      ticket_ = 0;
    } else {
      ticket_gone(std::string(*waiting), kv.mod_revision);
    }
  } else if (const auto slot = keys_.slot_of_hold(kv.key)) {
    holds_.erase(*slot);
    occupancy_.clear(*slot, Occupancy::Reason::kHold);
  }
}

void WaitingRoom::ticket_put(const std::string& node, const KeyValue& kv) {
  const SlotId limit = ticket_limit(kv.value, pattern_.limit());
  if (!tickets_.emplace(node, Ticket{kv.create_revision, limit}).second || kv.create_revision >= ticket_) return;
  ahead_.add(limit);
}

void WaitingRoom::ticket_gone(const std::string& node, Revision at) {
  const auto found = tickets_.find(node);
  if (found == tickets_.end()) return;
  if (found->second.created < ticket_) {
    ahead_.remove(found->second.limit);
    departed_ = at;
  }
  tickets_.erase(found);
}

void WaitingRoom::node_put(const std::string& node, const std::string& value) {
  node_gone(node);
  if (const auto entry = parse_node_entry(value)) {
    owners_[node] = entry->slot;
    occupancy_.set(entry->slot, Occupancy::Reason::kOwner);
  }
}

void WaitingRoom::node_gone(const std::string& node) {
  const auto found = owners_.find(node);
  if (found == owners_.end()) return;
  occupancy_.clear(found->second, Occupancy::Reason::kOwner);
  owners_.erase(found);
}

}  // namespace idetcd::internal
