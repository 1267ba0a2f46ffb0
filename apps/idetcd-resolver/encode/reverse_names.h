// ReverseNames: the PTR records of the configured reverse zones.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "encode/rr_encoder.h"
#include "encode/slot_records.h"
#include "encode/slot_set.h"
#include "encode/zone_layout.h"
#include "zone/name_tree.h"

namespace idetcd::resolver {

// For one thread at a time. `layout`, `tree` and `encoder` must outlive it.
class ReverseNames {
 public:
  ReverseNames(const ZoneLayout& layout, NameTree& tree, RrEncoder& encoder)
      : layout_(layout), tree_(tree), encoder_(encoder) {}

  // Addresses of `before` no longer have a PTR record to `slot`'s name, those of `after` have.
  void update(PoolSlot slot, const SlotFacts& before, const SlotFacts& after, std::uint32_t ttl);

  // Records left out because an RRset is full.
  std::size_t over_limit() const noexcept { return waiting_count_; }

 private:
  void add(const Bytes& owner, PoolSlot slot, std::uint32_t ttl);
  void drop(const Bytes& owner, PoolSlot slot);
  Bytes target_of(PoolSlot slot) const;

  const ZoneLayout& layout_;
  NameTree& tree_;
  RrEncoder& encoder_;
  // By owner: the slots that found its RRset full, and their TTL. The first of them gets
  // the place of a listed one that is dropped.
  std::map<std::string, std::map<PoolSlot, std::uint32_t>> waiting_;
  std::size_t waiting_count_ = 0;
};

}  // namespace idetcd::resolver
