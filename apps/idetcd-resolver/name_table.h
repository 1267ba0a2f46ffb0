// NameTable: a persistent hash table from names to their RRsets.
//
// Published versions are immutable. A change copies one bucket, one page of bucket
// pointers and the array of pages, whatever the size of the table; versions share the
// rest. Readers cost two cache misses in a large table: the bucket and the node.
// What a change replaces is freed by a later publish(), once every version that can
// reach it is gone: never by a reader.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "block_pool.h"
#include "name_hash.h"
#include "wire.h"

namespace idetcd::resolver {

// Where an RRset lies in its node, and what it is.
struct Rrset {
  std::uint16_t type = 0;
  std::uint16_t offset = 0;      // of the encoded records, from the node's start
  std::uint16_t size = 0;        // of all its records
  std::uint8_t count = 0;        // records; all of one size when `type` is A or AAAA
  std::uint8_t extra_count = 0;  // records for the additional section, which follow: a
                                 // 16-bit size in host order, then the records
};

// What is known of one name: one immutable block of memory, the node's fields first,
// then Rrset[], the name, and the encoded records.
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
  // The builder's own notes about the name; not DNS.
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

// One published state of a NameTable: what readers hold.
class NameVersion {
 public:
  ~NameVersion();
  NameVersion(const NameVersion&) = delete;
  NameVersion& operator=(const NameVersion&) = delete;

  // Null if the name is not there. No allocation, no lock. `hash` is hash_name(name, seed()).
  const Node* find(WireName name, std::uint64_t hash) const noexcept;
  // Ask the processor to fetch what find() will want: where the bucket is, then the
  // bucket, then the node. Each is a cache miss in a large table.
  void prefetch_slot(std::uint64_t hash) const noexcept;
  void prefetch_bucket(std::uint64_t hash) const noexcept;
  void prefetch_node(std::uint64_t hash) const noexcept;

  std::uint64_t seed() const noexcept { return seed_; }
  std::size_t size() const noexcept { return size_; }

 private:
  friend class NameTable;
  struct Bucket;
  struct Page;
  struct Blocks;
  NameVersion() = default;
  const Bucket* bucket(std::uint64_t hash) const noexcept;

  const Page* const* pages_ = nullptr;
  std::uint64_t mask_ = 0;
  std::uint64_t seed_ = 0;
  std::size_t size_ = 0;
  std::shared_ptr<std::atomic<bool>> released_;
  std::shared_ptr<Blocks> blocks_;  // whoever holds the last reference frees what is left
};

// The writer's side. For one thread at a time.
class NameTable {
 public:
  // `expected`: about how many names there will be; more are welcome.
  NameTable(std::size_t expected, std::uint64_t seed);
  NameTable(const NameTable&) = delete;
  NameTable& operator=(const NameTable&) = delete;
  ~NameTable();

  const Node* find(WireName name) const noexcept;
  // Inserts, or replaces the node of that name.
  void put(const NodeDraft& draft);
  void erase(WireName name);

  std::size_t size() const noexcept { return size_; }

  // The present state, for readers; frees what no version can reach any more.
  std::shared_ptr<const NameVersion> publish();

  // Blocks replaced and not freed yet: what readers of old versions may still see.
  std::size_t retired() const noexcept;

 private:
  using Bucket = NameVersion::Bucket;
  using Page = NameVersion::Page;
  using Blocks = NameVersion::Blocks;

  Page** writable_pages();
  Page& writable_page(std::size_t bucket_index);
  const Bucket* bucket_at(std::size_t bucket_index) const noexcept;
  void replace_bucket(std::size_t bucket_index, Bucket* bucket);
  void discard(void* block, std::size_t size, std::uint64_t edit);
  void discard(const Node* node);
  void grow();
  void reclaim();

  std::uint64_t seed_;
  std::uint64_t mask_;
  std::uint64_t edit_ = 1;
  std::size_t size_ = 0;
  std::shared_ptr<Blocks> blocks_;
};

}  // namespace idetcd::resolver
