// SharedNames: the names whose RRsets are gathered from many slots. A pool's name has
// all members' addresses, "_grpc._tcp.tf.local." every member's SRV record.
//
// Only the first kMaxRrsetRecords members are listed, so rebuilding one costs the same
// however many there are, and a change behind them costs nothing.
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

  // `member` had `before` and has `after`; its own names are already stored.
  void update(PoolSlot member, const SlotFacts& before, const SlotFacts& after);

  // Stores the names that update() touched.
  void rebuild();

  // Records left out because an RRset is full.
  std::size_t over_limit() const noexcept;

 private:
  // One RRset's members.
  struct Roll {
    SlotSet members{};
    PoolSlot last_listed{};    // of the last rebuild
    std::size_t left_out = 0;  // of the listed members' records
  };

  struct Key {
    std::size_t cut = 0;    // index into the layout's apexes, or its pools
    std::string service{};  // empty: a pool's name
    std::uint16_t type = 0;
    auto operator<=>(const Key&) const = default;
  };

  void update(const Key& key, PoolSlot member, bool had, bool has);
  Bytes owner_of(const Key& key) const;
  NodeDraft::Set addresses(Roll& roll, std::uint16_t type) const;
  NodeDraft::Set services(Roll& roll, const std::string& service, std::size_t owner_size) const;

  const ZoneLayout& layout_;
  NameTree& tree_;
  RrEncoder& encoder_;
  std::map<Key, Roll> rolls_;
  std::vector<Key> touched_;
};

}  // namespace idetcd::resolver
