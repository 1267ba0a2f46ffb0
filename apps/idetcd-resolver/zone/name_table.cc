#include "zone/name_table.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <utility>

namespace idetcd::resolver {
namespace {

constexpr std::size_t kPageBuckets = 128;
constexpr std::size_t kNamesPerBucket = 4;  // on average, at most: a bucket is then about a cache line

std::uint16_t tag_of(std::uint64_t hash) noexcept {
  return static_cast<std::uint16_t>(hash >> 48);
}

bool same(WireName left, WireName right) noexcept {
  return left.size() == right.size() && std::memcmp(left.data(), right.data(), left.size()) == 0;
}

}  // namespace

struct NameVersion::Bucket {
  std::uint64_t edit : 48;
  std::uint64_t count : 16;
  // Behind: Node*[count], then their tags, uint16_t[count].

  static std::size_t bytes(std::size_t count) noexcept {
    return sizeof(Bucket) + count * (sizeof(Node*) + sizeof(std::uint16_t));
  }
  static Bucket* make(BlockPool& pool, std::size_t count, std::uint64_t edit) {
    auto* bucket = new (pool.allocate(bytes(count))) Bucket;
    bucket->edit = edit & kEditMask;
    bucket->count = count & 0xffff;
    return bucket;
  }
  const Node** nodes() noexcept { return reinterpret_cast<const Node**>(this + 1); }
  const Node* const* nodes() const noexcept { return reinterpret_cast<const Node* const*>(this + 1); }
  std::uint16_t* tags() noexcept { return reinterpret_cast<std::uint16_t*>(nodes() + count); }
  const std::uint16_t* tags() const noexcept { return reinterpret_cast<const std::uint16_t*>(nodes() + count); }

  // The position of `name`, or count.
  std::size_t position(WireName name, std::uint16_t tag) const noexcept {
    std::size_t at = 0;
    while (at < count && !(tags()[at] == tag && same(nodes()[at]->name(), name))) ++at;
    return at;
  }
};

struct NameVersion::Page {
  std::uint64_t edit = 0;
  Bucket* buckets[kPageBuckets] = {};
};

// All memory of a table, and who may still be reading which of it.
struct NameVersion::Blocks {
  struct Retired {
    void* block;
    std::size_t size;
  };
  struct Generation {
    std::shared_ptr<std::atomic<bool>> released;  // no reader holds that version any more
    std::vector<Retired> retired;                 // replaced in the next version
  };

  BlockPool pool;
  std::deque<Generation> generations;  // oldest first; the last one is the newest version
  std::vector<Retired> retired;        // since the newest version
  Page** pages = nullptr;              // of the writer's present state
  std::uint64_t pages_edit = 0;
  std::size_t page_count = 0;

  Blocks() = default;
  Blocks(const Blocks&) = delete;
  Blocks& operator=(const Blocks&) = delete;

  // The pool takes its slabs along; only what was too large for them is given back singly.
  ~Blocks() {
    for (Generation& generation : generations) give_all(generation.retired);
    give_all(retired);
    for (std::size_t i = 0; i < page_count; ++i) give_page(pages[i]);
    pool.give(pages, page_count * sizeof(Page*));
  }

  void give_all(std::vector<Retired>& blocks) noexcept {
    for (const Retired& retiree : blocks) pool.give(retiree.block, retiree.size);
    blocks.clear();
  }

  void give_page(Page* page) noexcept {
    if (page == nullptr) return;
    for (Bucket* bucket : page->buckets) {
      if (bucket == nullptr) continue;
      for (std::size_t i = 0; i < bucket->count; ++i)
        pool.give(const_cast<Node*>(bucket->nodes()[i]), bucket->nodes()[i]->size());
    }
  }

  Page** allocate_pages() {
    auto** const fresh = static_cast<Page**>(pool.allocate(page_count * sizeof(Page*)));
    std::fill_n(fresh, page_count, nullptr);
    return fresh;
  }
};

// The last reader's store makes all its reads of the version happen before the
// writer's load in reclaim().
NameVersion::~NameVersion() {
  released_->store(true, std::memory_order_release);
}

const NameVersion::Bucket* NameVersion::bucket(std::uint64_t hash) const noexcept {
  const std::uint64_t index = hash & mask_;
  const Page* page = pages_[index / kPageBuckets];
  return page == nullptr ? nullptr : page->buckets[index % kPageBuckets];
}

const Node* NameVersion::find(WireName name, std::uint64_t hash) const noexcept {
  const Bucket* const candidates = bucket(hash);
  if (candidates == nullptr) return nullptr;
  const std::size_t at = candidates->position(name, tag_of(hash));
  return at == candidates->count ? nullptr : candidates->nodes()[at];
}

void NameVersion::prefetch_slot(std::uint64_t hash) const noexcept {
  const std::uint64_t index = hash & mask_;
  const Page* const page = pages_[index / kPageBuckets];
  if (page != nullptr) __builtin_prefetch(&page->buckets[index % kPageBuckets]);
}

void NameVersion::prefetch_bucket(std::uint64_t hash) const noexcept {
  const auto* const candidates = reinterpret_cast<const char*>(bucket(hash));
  __builtin_prefetch(candidates);
  __builtin_prefetch(candidates + 63);
}

void NameVersion::prefetch_node(std::uint64_t hash) const noexcept {
  const Bucket* const candidates = bucket(hash);
  if (candidates == nullptr) return;
  const std::uint16_t tag = tag_of(hash);
  for (std::size_t at = 0; at < candidates->count; ++at) {
    if (candidates->tags()[at] != tag) continue;
    const auto* const node = reinterpret_cast<const char*>(candidates->nodes()[at]);
    __builtin_prefetch(node);
    __builtin_prefetch(node + 64);
    return;
  }
}

NameTable::NameTable(std::size_t expected, std::uint64_t seed) : seed_(seed), blocks_(std::make_shared<Blocks>()) {
  const std::size_t buckets = std::bit_ceil(std::max(expected / kNamesPerBucket, kPageBuckets));
  mask_ = buckets - 1;
  blocks_->page_count = buckets / kPageBuckets;
  blocks_->pages = blocks_->allocate_pages();
  blocks_->pages_edit = edit_;
}

NameTable::~NameTable() = default;

const NameTable::Bucket* NameTable::bucket_at(std::size_t index) const noexcept {
  const Page* page = blocks_->pages[index / kPageBuckets];
  return page == nullptr ? nullptr : page->buckets[index % kPageBuckets];
}

const Node* NameTable::find(WireName name) const noexcept {
  const std::uint64_t hash = hash_name(name, seed_);
  const Bucket* const bucket = bucket_at(hash & mask_);
  if (bucket == nullptr) return nullptr;
  const std::size_t at = bucket->position(name, tag_of(hash));
  return at == bucket->count ? nullptr : bucket->nodes()[at];
}

void NameTable::put(const NodeDraft& draft) {
  const std::uint64_t hash = hash_name(draft.name, seed_);
  const std::size_t index = hash & mask_;
  const Bucket* const old = bucket_at(index);
  const std::size_t old_count = old == nullptr ? 0 : old->count;
  const std::size_t at = old == nullptr ? 0 : old->position(draft.name, tag_of(hash));
  Bucket* const bucket = Bucket::make(blocks_->pool, std::max(old_count, at + 1), edit_);
  if (old_count != 0) {
    std::copy_n(old->nodes(), old_count, bucket->nodes());
    std::copy_n(old->tags(), old_count, bucket->tags());
  }
  if (at < old_count) discard(old->nodes()[at]);
  bucket->nodes()[at] = draft.build(blocks_->pool, edit_);
  bucket->tags()[at] = tag_of(hash);
  replace_bucket(index, bucket);
  if (at == old_count && ++size_ > (mask_ + 1) * kNamesPerBucket) grow();
}

void NameTable::erase(WireName name) {
  const std::uint64_t hash = hash_name(name, seed_);
  const std::size_t index = hash & mask_;
  const Bucket* const old = bucket_at(index);
  const std::size_t at = old == nullptr ? 0 : old->position(name, tag_of(hash));
  if (old == nullptr || at == old->count) return;
  const std::size_t last = old->count - 1;
  Bucket* bucket = nullptr;
  if (last != 0) {
    bucket = Bucket::make(blocks_->pool, last, edit_);
    std::copy_n(old->nodes(), last, bucket->nodes());
    std::copy_n(old->tags(), last, bucket->tags());
    if (at != last) {
      bucket->nodes()[at] = old->nodes()[last];
      bucket->tags()[at] = old->tags()[last];
    }
  }
  discard(old->nodes()[at]);
  replace_bucket(index, bucket);
  --size_;
}

NameTable::Page** NameTable::writable_pages() {
  if (blocks_->pages_edit != edit_) {
    Page** const old = blocks_->pages;
    blocks_->pages = blocks_->allocate_pages();
    std::copy_n(old, blocks_->page_count, blocks_->pages);
    discard(old, blocks_->page_count * sizeof(Page*), blocks_->pages_edit);
    blocks_->pages_edit = edit_;
  }
  return blocks_->pages;
}

NameTable::Page& NameTable::writable_page(std::size_t bucket_index) {
  Page*& page = writable_pages()[bucket_index / kPageBuckets];
  if (page == nullptr) {
    page = new (blocks_->pool.allocate(sizeof(Page))) Page;
    page->edit = edit_;
  } else if (page->edit != edit_) {
    auto* const copy = new (blocks_->pool.allocate(sizeof(Page))) Page(*page);
    copy->edit = edit_;
    discard(page, sizeof(Page), page->edit);
    page = copy;
  }
  return *page;
}

void NameTable::replace_bucket(std::size_t index, Bucket* bucket) {
  Bucket*& place = writable_page(index).buckets[index % kPageBuckets];
  if (place != nullptr) discard(place, Bucket::bytes(place->count), place->edit);
  place = bucket;
}

// What was made since the last publish() no reader can have seen.
void NameTable::discard(void* block, std::size_t size, std::uint64_t edit) {
  if (edit == edit_)
    blocks_->pool.give(block, size);
  else
    blocks_->retired.push_back({block, size});
}

void NameTable::discard(const Node* node) {
  discard(const_cast<Node*>(node), node->size(), node->edit_);
}

void NameTable::grow() {
  std::vector<std::vector<const Node*>> buckets((mask_ + 1) * 2);
  const std::uint64_t mask = buckets.size() - 1;
  for (std::size_t i = 0; i < blocks_->page_count; ++i) {
    Page* const page = blocks_->pages[i];
    if (page == nullptr) continue;
    for (Bucket* bucket : page->buckets) {
      if (bucket == nullptr) continue;
      for (std::size_t at = 0; at < bucket->count; ++at)
        buckets[hash_name(bucket->nodes()[at]->name(), seed_) & mask].push_back(bucket->nodes()[at]);
      discard(bucket, Bucket::bytes(bucket->count), bucket->edit);
    }
    discard(page, sizeof(Page), page->edit);
  }
  discard(blocks_->pages, blocks_->page_count * sizeof(Page*), blocks_->pages_edit);
  mask_ = mask;
  blocks_->page_count = buckets.size() / kPageBuckets;
  blocks_->pages = blocks_->allocate_pages();
  blocks_->pages_edit = edit_;
  for (std::size_t index = 0; index < buckets.size(); ++index) {
    if (buckets[index].empty()) continue;
    Bucket* const bucket = Bucket::make(blocks_->pool, buckets[index].size(), edit_);
    std::copy(buckets[index].begin(), buckets[index].end(), bucket->nodes());
    for (std::size_t at = 0; at < bucket->count; ++at)
      bucket->tags()[at] = tag_of(hash_name(bucket->nodes()[at]->name(), seed_));
    replace_bucket(index, bucket);
  }
}

std::shared_ptr<const NameVersion> NameTable::publish() {
  if (!blocks_->generations.empty()) blocks_->generations.back().retired = std::exchange(blocks_->retired, {});
  reclaim();
  const std::shared_ptr<NameVersion> version(new NameVersion);
  version->pages_ = blocks_->pages;
  version->mask_ = mask_;
  version->seed_ = seed_;
  version->size_ = size_;
  version->released_ = std::make_shared<std::atomic<bool>>(false);
  version->blocks_ = blocks_;
  blocks_->generations.push_back({version->released_, {}});
  ++edit_;
  return version;
}

// In order: what a version retired, every older version can reach too.
void NameTable::reclaim() {
  auto& generations = blocks_->generations;
  while (!generations.empty() && generations.front().released->load(std::memory_order_acquire)) {
    blocks_->give_all(generations.front().retired);
    generations.pop_front();
  }
}

}  // namespace idetcd::resolver
