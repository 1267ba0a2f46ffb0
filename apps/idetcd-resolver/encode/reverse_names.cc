#include "encode/reverse_names.h"

#include <algorithm>

#include "wire/wire.h"

namespace idetcd::resolver {
namespace {

std::size_t record_size(std::span<const std::byte> records) {
  return kRrHeader + load16(records.data() + 10);
}

// Removes the record that leads to `target`; false if there is none.
bool remove_target(NodeDraft::Set& set, WireName target) {
  for (std::size_t at = 0; at < set.records.size();) {
    const auto rest = std::span(set.records).subspan(at);
    const std::size_t size = record_size(rest);
    if (std::ranges::equal(rest.subspan(kRrHeader, size - kRrHeader), target)) {
      const auto first = set.records.begin() + static_cast<std::ptrdiff_t>(at);
      set.records.erase(first, first + static_cast<std::ptrdiff_t>(size));
      --set.count;
      return true;
    }
    at += size;
  }
  return false;
}

// RFC 2181 5.2: one TTL for all records of an RRset; the least of them.
void level_ttl(Bytes& records) {
  std::uint32_t least = ~std::uint32_t{0};
  for (std::size_t at = 0; at < records.size(); at += record_size(std::span(records).subspan(at)))
    least = std::min(least, load32(records.data() + at + 6));
  for (std::size_t at = 0; at < records.size(); at += record_size(std::span(records).subspan(at)))
    store32(records.data() + at + 6, least);
}

template <class Address>
bool among(const std::vector<Address>& all, const Address& address) {
  return std::find(all.begin(), all.end(), address) != all.end();
}

}  // namespace

Bytes ReverseNames::target_of(PoolSlot slot) const {
  return to_wire(layout_.pools[slot.pool].pattern.render(slot.slot)).value_or(Bytes{std::byte{0}});
}

void ReverseNames::update(PoolSlot slot, const SlotFacts& before, const SlotFacts& after, std::uint32_t ttl) {
  if (layout_.reverse.empty()) return;
  for (const Ipv4& address : before.ipv4)
    if (!among(after.ipv4, address)) drop(reverse_name(address), slot);
  for (const Ipv6& address : before.ipv6)
    if (!among(after.ipv6, address)) drop(reverse_name(address), slot);
  for (const Ipv4& address : after.ipv4) add(reverse_name(address), slot, ttl);
  for (const Ipv6& address : after.ipv6) add(reverse_name(address), slot, ttl);
}

void ReverseNames::add(const Bytes& owner, PoolSlot slot, std::uint32_t ttl) {
  if (!layout_.keeps_reverse(owner)) return;
  NodeDraft draft = tree_.draft(owner);
  NodeDraft::Set* const listed = draft.find(kTypePtr);
  NodeDraft::Set set = listed != nullptr ? *listed : NodeDraft::Set{kTypePtr, 0, 0, {}, {}};
  const Bytes target = target_of(slot);
  remove_target(set, target);  // it may be there already, with another TTL
  if (set.count == kMaxRrsetRecords) {
    if (waiting_[to_text(owner)].insert_or_assign(slot, ttl).second) ++waiting_count_;
    return;
  }
  encoder_.ptr(set.records, ttl, target);
  ++set.count;
  level_ttl(set.records);
  draft.put(std::move(set));
  tree_.store(draft);
}

void ReverseNames::drop(const Bytes& owner, PoolSlot slot) {
  const auto queue = waiting_.find(to_text(owner));
  if (queue != waiting_.end() && queue->second.erase(slot) != 0) {
    --waiting_count_;
    if (queue->second.empty()) waiting_.erase(queue);
    return;
  }
  NodeDraft draft = tree_.draft(owner);
  NodeDraft::Set* const set = draft.find(kTypePtr);
  if (set == nullptr || !remove_target(*set, target_of(slot))) return;
  if (set->count == 0) draft.put({kTypePtr, 0, 0, {}, {}});
  tree_.store(draft);
  if (queue == waiting_.end()) return;
  const auto [next, ttl] = *queue->second.begin();
  queue->second.erase(next);
  --waiting_count_;
  if (queue->second.empty()) waiting_.erase(queue);
  add(owner, next, ttl);
}

}  // namespace idetcd::resolver
