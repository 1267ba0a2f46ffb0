// Node: what is known of one name, its RRsets encoded, in one immutable block of memory;
// NodeDraft: the same while it is written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "wire/name_hash.h"
#include "wire/wire.h"
#include "zone/block_pool.h"

namespace idetcd::resolver {

// A table counts its publications modulo 2^47; each block remembers the one it was made for.
inline constexpr std::uint64_t kEditMask = (std::uint64_t{1} << 47) - 1;

// Where an RRset lies in its node, and what it is.
struct Rrset {
  std::uint16_t type = 0;
  std::uint16_t offset = 0;      // of the encoded records, from the node's start
  std::uint16_t size = 0;        // of all its records
  std::uint8_t count = 0;        // records; all of one size when `type` is A or AAAA
  std::uint8_t extra_count = 0;  // records for the additional section, which follow: a
                                 // 16-bit size in host order, then the records
};

// The block holds the node's fields, then Rrset[], the name, the encoded records and the notes.
class Node {
 public:
  WireName name() const noexcept { return {base() + name_offset(), name_size()}; }
  std::span<const Rrset> rrsets() const noexcept {
    return {reinterpret_cast<const Rrset*>(base() + sizeof(Node)), rrset_count()};
  }
  const Rrset* find(std::uint16_t type) const noexcept {
    for (const Rrset& rrset : rrsets())
      if (rrset.type == type) return &rrset;
    return nullptr;
  }
  // Records whose owner is the pointer C0 0C: they fit behind any question for name().
  std::span<const std::byte> records(const Rrset& rrset) const noexcept { return {base() + rrset.offset, rrset.size}; }
  std::span<const std::byte> extras(const Rrset& rrset) const noexcept;

  // Names directly below that exist, and one if the configuration keeps this name: a
  // name with children exists, records or not (RFC 8020).
  std::uint32_t children() const noexcept { return children_; }
  // Whether the answer starts at another record each time (RFC 1794).
  bool rotates() const noexcept { return rotates_ != 0; }
  // The builder's own data about the name; not served.
  std::span<const std::byte> notes() const noexcept { return {base() + notes_offset_, notes_size_}; }

 private:
  friend class NodeDraft;
  friend class NameTable;
  friend class NameVersion;

  std::size_t size() const noexcept { return std::size_t{notes_offset_} + notes_size_; }
  std::size_t name_size() const noexcept { return name_size_; }
  std::size_t rrset_count() const noexcept { return rrset_count_; }
  std::size_t name_offset() const noexcept { return sizeof(Node) + rrset_count() * sizeof(Rrset); }
  const std::byte* base() const noexcept { return reinterpret_cast<const std::byte*>(this); }

  std::uint64_t edit_ : 47;
  std::uint64_t rotates_ : 1;
  std::uint64_t name_size_ : 8;
  std::uint64_t rrset_count_ : 8;
  std::uint32_t children_;
  std::uint16_t notes_offset_;
  std::uint16_t notes_size_;
};

// A node while it is written: the parts of one, or of none.
class NodeDraft {
 public:
  struct Set {
    std::uint16_t type = 0;
    std::uint8_t count = 0;
    std::uint8_t extra_count = 0;
    std::vector<std::byte> records{};
    std::vector<std::byte> extras{};
  };

  std::vector<std::byte> name{};
  std::vector<Set> sets{};
  std::vector<std::byte> notes{};
  std::uint32_t children = 0;
  bool rotates = false;

  NodeDraft() = default;
  explicit NodeDraft(WireName owner) : name(owner.begin(), owner.end()) {}
  explicit NodeDraft(const Node& node);

  bool vacant() const noexcept { return sets.empty() && children == 0; }
  Set* find(std::uint16_t type) noexcept;
  // Appends `set`, or replaces the one of its type, or removes that one if `set` is empty.
  void put(Set set);

  static constexpr std::size_t kMaxSize = 65'000;
  std::size_t size() const noexcept;  // of the node it makes; must be at most kMaxSize

 private:
  friend class NameTable;
  Node* build(BlockPool& pool, std::uint64_t edit) const;
};

}  // namespace idetcd::resolver
