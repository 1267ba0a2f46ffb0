// NameTable: a persistent hash table from names to their RRsets.
//
// Published versions are immutable. A change copies one bucket, one page of bucket
// pointers and the array of pages, whatever the size of the table; versions share the
// rest. A lookup in a large table costs three cache misses: the pointer to the bucket,
// the bucket and the node.
// What a change replaces is freed by a later publish(), once every version that can
// reach it is destroyed: never by a reader.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "wire/name_hash.h"
#include "zone/node.h"

namespace idetcd::resolver {

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
