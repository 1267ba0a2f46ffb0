#include "machine/waiting_room.h"

#include "model/node_entry.h"

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

bool WaitingRoom::load(const TxnReply& reply) {
  if (!reply.succeeded || reply.replies.size() != 3) return false;
  const auto* ticket = std::get_if<RangeReply>(&reply.replies[0]);
  const auto* members = std::get_if<RangeReply>(&reply.replies[1]);
  const auto* records = std::get_if<RangeReply>(&reply.replies[2]);
  if (!ticket || !members || !records || ticket->kvs.size() != 1) return false;
  occupancy_ = Occupancy(pattern_.limit());
  owners_.clear();
  tickets_.clear();
  ahead_ = TicketCount(pattern_.limit());
  ticket_ = ticket->kvs.front().create_revision;
  revision_ = reply.header.revision;
  for (const KeyValue& kv : members->kvs) member_put(kv);
  for (const KeyValue& kv : records->kvs) {
    const auto name = keys_.record_name(kv.key);
    if (const auto slot = name ? pattern_.match(*name) : std::nullopt) {
      occupancy_.set(*slot, Occupancy::Reason::kRecord);
    }
  }
  return true;
}

void WaitingRoom::apply_members(const WatchBatch& batch) {
  for (const Event& event : batch.events) {
    if (event.type == Event::Type::kPut) {
      member_put(event.kv);
    } else {
      member_deleted(event.kv.key);
    }
  }
}

void WaitingRoom::apply_records(const WatchBatch& batch) {
  for (const Event& event : batch.events) {
    const auto name = keys_.record_name(event.kv.key);
    const auto slot = name ? pattern_.match(*name) : std::nullopt;
    if (!slot) continue;
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
    if (kv.value == node_id_) {
      occupancy_.clear(*slot, Occupancy::Reason::kHold);
    } else {
      occupancy_.set(*slot, Occupancy::Reason::kHold);
    }
  }
}

void WaitingRoom::member_deleted(const std::string& key) {
  if (const auto node = keys_.node_of_member(key)) {
    node_gone(std::string(*node));
  } else if (const auto waiting = keys_.node_of_ticket(key)) {
    if (*waiting == node_id_) {
      ticket_ = 0;
    } else {
      ticket_gone(std::string(*waiting));
    }
  } else if (const auto slot = keys_.slot_of_hold(key)) {
    occupancy_.clear(*slot, Occupancy::Reason::kHold);
  }
}

void WaitingRoom::ticket_put(const std::string& node, const KeyValue& kv) {
  const SlotId limit = ticket_limit(kv.value, pattern_.limit());
  if (!tickets_.emplace(node, Ticket{kv.create_revision, limit}).second || kv.create_revision >= ticket_) return;
  ahead_.add(limit);
}

void WaitingRoom::ticket_gone(const std::string& node) {
  const auto found = tickets_.find(node);
  if (found == tickets_.end()) return;
  if (found->second.created < ticket_) ahead_.remove(found->second.limit);
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
