// NameTree: a NameTable in which the names between an apex and a name exist as well
// (empty non-terminals, RFC 8020).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "wire/wire_name.h"
#include "zone/name_table.h"

namespace idetcd::resolver {

// For one thread at a time.
class NameTree {
 public:
  // Every name stored lies in one of the zones at `apexes`.
  NameTree(std::vector<Bytes> apexes, std::size_t expected, std::uint64_t seed)
      : apexes_(std::move(apexes)), table_(expected, seed) {}

  const Node* find(WireName name) const noexcept { return table_.find(name); }
  // What is at `name` now, to be changed and stored.
  NodeDraft draft(WireName name) const;
  // Puts it there, or takes the name away if the draft is vacant; parents follow.
  void store(const NodeDraft& draft);

  std::size_t size() const noexcept { return table_.size(); }
  std::shared_ptr<const NameVersion> publish() { return table_.publish(); }

 private:
  bool is_apex(WireName name) const noexcept;
  void count_child(WireName name, int change);

  std::vector<Bytes> apexes_;
  NameTable table_;
};

}  // namespace idetcd::resolver
