// NodeEntry: the value of a node/<node-id> key:
// {"slot":4,"address":"10.0.0.7","boot":"5f0c3a6b9d2e4817"}.
#pragma once

#include <idetcd/pattern_template.h>

#include <optional>
#include <string>
#include <string_view>

namespace idetcd::internal {

struct NodeEntry {
  SlotId slot = 0;
  std::string address{};  // where the owner is
  std::string boot{};     // boot_mark() of its machine; empty: not said, as by earlier versions
};

std::string to_json(const NodeEntry& entry);
std::optional<NodeEntry> parse_node_entry(std::string_view json);

}  // namespace idetcd::internal
