#include "encode/shared_names.h"

#include <algorithm>
#include <cstring>

#include "wire/wire.h"

namespace idetcd::resolver {
namespace {

constexpr std::size_t kMaxExtras = 200;
constexpr std::size_t kMaxExtraBytes = 16'000;

Bytes slot_name(const ZoneLayout& layout, PoolSlot slot) {
  return to_wire(layout.pools[slot.pool].pattern.render(slot.slot)).value_or(Bytes{std::byte{0}});
}

std::uint32_t ttl_in(std::span<const std::byte> record) {
  return load32(record.data() + 6);
}

// RFC 2181 5.2: one TTL for all records of an RRset; the least of them.
void level_ttl(Bytes& records, const std::vector<std::size_t>& starts) {
  std::uint32_t least = ~std::uint32_t{0};
  for (const std::size_t at : starts) least = std::min(least, load32(records.data() + at + 6));
  for (const std::size_t at : starts) store32(records.data() + at + 6, least);
}

}  // namespace

void SharedNames::update(PoolSlot slot, const SlotFacts& before, const SlotFacts& after) {
  const ZoneLayout::Pool& pool = layout_.pools[slot.pool];
  if (pool.pool_name) {
    update({slot.pool, {}, kTypeA}, slot, !before.ipv4.empty(), !after.ipv4.empty());
    update({slot.pool, {}, kTypeAaaa}, slot, !before.ipv6.empty(), !after.ipv6.empty());
  }
  for (const auto& [service, port] : before.services)
    update({pool.zone, service, kTypeSrv}, slot, true, offers(after, service));
  for (const auto& [service, port] : after.services)
    if (!offers(before, service)) update({pool.zone, service, kTypeSrv}, slot, false, true);
}

void SharedNames::update(const Key& key, PoolSlot slot, bool had, bool has) {
  if (!had && !has) return;
  Gathered& gathered = rrsets_[key];
  if (has)
    gathered.slots.insert(slot);
  else
    gathered.slots.erase(slot);
  const bool listed = slot <= gathered.last_listed || gathered.slots.size() <= kMaxRrsetRecords;
  if (listed && std::find(touched_.begin(), touched_.end(), key) == touched_.end()) touched_.push_back(key);
}

Bytes SharedNames::owner_of(const Key& key) const {
  if (key.service.empty()) return *layout_.pools[key.index].pool_name;
  return service_name(key.service, layout_.apexes[key.index]).value_or(Bytes{});
}

void SharedNames::rebuild() {
  for (const Key& key : touched_) {
    const Bytes owner = owner_of(key);
    if (owner.empty()) continue;  // too long a name
    Gathered& gathered = rrsets_[key];
    NodeDraft draft = tree_.draft(owner);
    draft.rotates = key.type != kTypeSrv;
    draft.put(key.type == kTypeSrv ? services(gathered, key.service, owner.size()) : addresses(gathered, key.type));
    tree_.store(draft);
    if (gathered.slots.empty()) rrsets_.erase(key);
  }
  touched_.clear();
}

NodeDraft::Set SharedNames::addresses(Gathered& gathered, std::uint16_t type) const {
  NodeDraft::Set set{type, 0, 0, {}, {}};
  std::vector<std::size_t> starts;
  std::size_t visited = 0;
  gathered.left_out = 0;
  gathered.slots.for_each_while([&](PoolSlot slot) {
    gathered.last_listed = slot;
    const Node* const node = tree_.find(slot_name(layout_, slot));
    const Rrset* const rrset = node == nullptr ? nullptr : node->find(type);
    if (rrset == nullptr) return ++visited < kMaxRrsetRecords;
    const std::size_t size = rrset->size / rrset->count;
    for (auto records = node->records(*rrset); !records.empty(); records = records.subspan(size)) {
      const auto same = [&](std::size_t at) {  // two members may share an address; an RRset is a set
        return std::memcmp(set.records.data() + at + kRrHeader, records.data() + kRrHeader, size - kRrHeader) == 0;
      };
      if (std::any_of(starts.begin(), starts.end(), same)) continue;
      if (starts.size() == kMaxRrsetRecords) {
        ++gathered.left_out;
        continue;
      }
      starts.push_back(set.records.size());
      set.records.insert(set.records.end(), records.begin(), records.begin() + static_cast<std::ptrdiff_t>(size));
    }
    return ++visited < kMaxRrsetRecords;
  });
  set.count = static_cast<std::uint8_t>(starts.size());
  level_ttl(set.records, starts);
  return set;
}

NodeDraft::Set SharedNames::services(Gathered& gathered, const std::string& service, std::size_t owner_size) const {
  NodeDraft::Set set{kTypeSrv, 0, 0, {}, {}};
  std::vector<std::size_t> starts;
  const std::size_t answer_at = kHeaderSize + owner_size + 4;
  std::size_t extras = 0;
  std::size_t visited = 0;
  gathered.slots.for_each_while([&](PoolSlot slot) {
    gathered.last_listed = slot;
    const Bytes target = slot_name(layout_, slot);
    const auto name = service_name(service, target);
    const Node* const node = name ? tree_.find(*name) : nullptr;
    const Rrset* const srv = node == nullptr ? nullptr : node->find(kTypeSrv);
    if (srv == nullptr) return ++visited < kMaxRrsetRecords;
    const auto record = node->records(*srv);
    starts.push_back(set.records.size());
    const std::size_t target_at = answer_at + set.records.size() + kRrHeader + 6;
    set.records.insert(set.records.end(), record.begin(), record.end());
    const SlotFacts facts = facts_of(tree_.find(target));
    if (extras + facts.ipv4.size() + facts.ipv6.size() <= kMaxExtras && set.extras.size() < kMaxExtraBytes)
      extras += put_addresses(set.extras, facts, target_at, ttl_in(record), encoder_);
    return ++visited < kMaxRrsetRecords;
  });
  set.count = static_cast<std::uint8_t>(starts.size());
  set.extra_count = static_cast<std::uint8_t>(extras);
  level_ttl(set.records, starts);
  return set;
}

std::size_t SharedNames::over_limit() const noexcept {
  std::size_t count = 0;
  for (const auto& [key, gathered] : rrsets_) {
    count += gathered.left_out;
    if (gathered.slots.size() > kMaxRrsetRecords) count += gathered.slots.size() - kMaxRrsetRecords;
  }
  return count;
}

}  // namespace idetcd::resolver
