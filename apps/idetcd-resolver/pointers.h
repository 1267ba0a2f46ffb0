// Pointers: the PTR records of the configured reverse zones.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "members.h"
#include "name_tree.h"
#include "rr_encoder.h"
#include "slot_records.h"
#include "zone_layout.h"

namespace idetcd::resolver {

// For one thread at a time. `layout`, `tree` and `encoder` must outlive it.
class Pointers {
 public:
  Pointers(const ZoneLayout& layout, NameTree& tree, RrEncoder& encoder)
      : layout_(layout), tree_(tree), encoder_(encoder) {}

  // Addresses of `before` no longer lead to `member`'s name, those of `after` do.
  void update(Member member, const SlotFacts& before, const SlotFacts& after, std::uint32_t ttl);

  // Records left out because an RRset is full.
  std::size_t over_limit() const noexcept { return waiting_count_; }

 private:
  void add(const Bytes& owner, Member member, std::uint32_t ttl);
  void drop(const Bytes& owner, Member member);
  Bytes target_of(Member member) const;

  const ZoneLayout& layout_;
  NameTree& tree_;
  RrEncoder& encoder_;
  // Members that found a full RRset, by its owner; one moves up when a listed one goes.
  std::map<std::string, std::map<Member, std::uint32_t>> waiting_;
  std::size_t waiting_count_ = 0;
};

}  // namespace idetcd::resolver
