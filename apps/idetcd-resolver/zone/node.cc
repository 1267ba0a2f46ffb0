#include "zone/node.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace idetcd::resolver {
namespace {

std::size_t padded_extras(const NodeDraft::Set& set) noexcept {
  return set.extra_count == 0 ? 0 : 2 + set.extras.size();
}

std::byte* append(std::byte* at, std::span<const std::byte> bytes) noexcept {
  if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
  return at + bytes.size();
}

}  // namespace

std::span<const std::byte> Node::extras(const Rrset& rrset) const noexcept {
  if (rrset.extra_count == 0) return {};
  std::uint16_t size;
  std::memcpy(&size, base() + rrset.offset + rrset.size, sizeof size);
  return {base() + rrset.offset + rrset.size + sizeof size, size};
}

NodeDraft::NodeDraft(const Node& node)
    : name(node.name().begin(), node.name().end()),
      notes(node.notes().begin(), node.notes().end()),
      children(node.children()),
      rotates(node.rotates()) {
  for (const Rrset& rrset : node.rrsets()) {
    const auto records = node.records(rrset);
    const auto extras = node.extras(rrset);
    sets.push_back(
        {rrset.type, rrset.count, rrset.extra_count, {records.begin(), records.end()}, {extras.begin(), extras.end()}});
  }
}

NodeDraft::Set* NodeDraft::find(std::uint16_t type) noexcept {
  const auto at = std::find_if(sets.begin(), sets.end(), [&](const Set& set) { return set.type == type; });
  return at == sets.end() ? nullptr : &*at;
}

void NodeDraft::put(Set set) {
  const auto at = std::find_if(sets.begin(), sets.end(), [&](const Set& old) { return old.type == set.type; });
  if (set.count == 0) {
    if (at != sets.end()) sets.erase(at);
  } else if (at == sets.end()) {
    sets.push_back(std::move(set));
  } else {
    *at = std::move(set);
  }
}

std::size_t NodeDraft::size() const noexcept {
  std::size_t size = sizeof(Node) + sets.size() * sizeof(Rrset) + name.size() + notes.size();
  for (const Set& set : sets) size += set.records.size() + padded_extras(set);
  return size;
}

Node* NodeDraft::build(BlockPool& pool, std::uint64_t edit) const {
  auto* node = new (pool.allocate(size())) Node;
  node->edit_ = edit & kEditMask;
  node->rotates_ = rotates ? 1 : 0;
  node->name_size_ = name.size() & 0xff;
  node->rrset_count_ = sets.size() & 0xff;
  node->children_ = children;
  auto* const base = reinterpret_cast<std::byte*>(node);
  auto* entry = reinterpret_cast<Rrset*>(base + sizeof(Node));
  std::byte* at = append(base + node->name_offset(), name);
  for (const Set& set : sets) {
    new (entry++) Rrset{set.type, static_cast<std::uint16_t>(at - base), static_cast<std::uint16_t>(set.records.size()),
                        set.count, set.extra_count};
    at = append(at, set.records);
    if (set.extra_count == 0) continue;
    const auto extra_size = static_cast<std::uint16_t>(set.extras.size());
    at = append(at, std::as_bytes(std::span(&extra_size, 1)));
    at = append(at, set.extras);
  }
  node->notes_offset_ = static_cast<std::uint16_t>(at - base);
  node->notes_size_ = static_cast<std::uint16_t>(notes.size());
  append(at, notes);
  return node;
}

}  // namespace idetcd::resolver
