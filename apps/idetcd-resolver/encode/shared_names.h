// SharedNames: the names whose RRsets are gathered from many slots. A pool's name has
// the addresses of all its taken slots, "_grpc._tcp.tf.local." the SRV records of all
// slots with a port named grpc.
//
// Only the first kMaxRrsetRecords slots are listed: to rebuild an RRset costs the same
// however many there are, and a change in a slot that is not listed costs nothing.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "encode/rr_encoder.h"
#include "encode/slot_records.h"
#include "encode/slot_set.h"
#include "encode/zone_layout.h"
#include "zone/name_tree.h"

namespace idetcd::resolver {

// For one thread at a time. `layout` and `tree` must outlive it.
class SharedNames {
 public:
  SharedNames(const ZoneLayout& layout, NameTree& tree, RrEncoder& encoder)
      : layout_(layout), tree_(tree), encoder_(encoder) {}

  // `slot` had `before` and has `after`; its own names are already stored.
  void update(PoolSlot slot, const SlotFacts& before, const SlotFacts& after);

  // Stores the names that update() touched.
  void rebuild();

  // Records left out because an RRset is full.
  std::size_t over_limit() const noexcept;

 private:
  // One RRset and the slots it is gathered from.
  struct Gathered {
    SlotSet slots{};
    PoolSlot last_listed{};    // of the last rebuild
    std::size_t left_out = 0;  // of the listed slots' records
  };

  struct Key {
    std::size_t index = 0;  // of the pool, or of the zone's apex for a service
    std::string service{};  // empty: the pool's name
    std::uint16_t type = 0;
    auto operator<=>(const Key&) const = default;
  };

  void update(const Key& key, PoolSlot slot, bool had, bool has);
  Bytes owner_of(const Key& key) const;
  NodeDraft::Set addresses(Gathered& gathered, std::uint16_t type) const;
  NodeDraft::Set services(Gathered& gathered, const std::string& service, std::size_t owner_size) const;

  const ZoneLayout& layout_;
  NameTree& tree_;
  RrEncoder& encoder_;
  std::map<Key, Gathered> rrsets_;
  std::vector<Key> touched_;
};

}  // namespace idetcd::resolver
