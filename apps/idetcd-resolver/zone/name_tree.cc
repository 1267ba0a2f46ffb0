#include "zone/name_tree.h"

#include <algorithm>

namespace idetcd::resolver {

NodeDraft NameTree::draft(WireName name) const {
  const Node* const node = table_.find(name);
  return node == nullptr ? NodeDraft(name) : NodeDraft(*node);
}

void NameTree::store(const NodeDraft& draft) {
  const bool existed = table_.find(draft.name) != nullptr;
  if (!draft.vacant()) {
    table_.put(draft);
    if (!existed) count_child(draft.name, +1);
  } else if (existed) {
    table_.erase(draft.name);
    count_child(draft.name, -1);
  }
}

bool NameTree::is_apex(WireName name) const noexcept {
  return std::any_of(apexes_.begin(), apexes_.end(), [&](const Bytes& apex) { return std::ranges::equal(apex, name); });
}

// Apexes always exist, so their children need not be counted, and what lies above the
// outermost one is not ours.
void NameTree::count_child(WireName name, int change) {
  if (name.size() == 1) return;
  const WireName parent = parent_of(name);
  if (is_apex(parent)) return;
  if (std::none_of(apexes_.begin(), apexes_.end(), [&](const Bytes& apex) { return lies_in(parent, apex); })) return;
  NodeDraft above = draft(parent);
  above.children += static_cast<std::uint32_t>(change);
  store(above);
}

}  // namespace idetcd::resolver
