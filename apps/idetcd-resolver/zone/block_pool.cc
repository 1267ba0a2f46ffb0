#include "zone/block_pool.h"

#include <sanitizer/asan_interface.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <new>

namespace idetcd::resolver {
namespace {

constexpr std::size_t kFirstSlab = 64 << 10;
constexpr std::size_t kHugePage = 2 << 20;
constexpr std::size_t kMaxSlab = kHugePage;

}  // namespace

BlockPool::~BlockPool() {
  for (const Slab& slab : slabs_) {
    ASAN_UNPOISON_MEMORY_REGION(slab.memory, slab.size);  // somebody else may be mapped there next
    munmap(slab.memory, slab.size);
  }
}

std::size_t BlockPool::class_of(std::size_t size) noexcept {
  if (size <= kSmall) return (size + kStep - 1) / kStep;
  return kSmall / kStep + static_cast<std::size_t>(std::bit_width((size - 1) / kSmall));
}

std::size_t BlockPool::size_of(std::size_t size_class) noexcept {
  constexpr std::size_t kSmallClasses = kSmall / kStep;
  return size_class <= kSmallClasses ? size_class * kStep : kSmall << (size_class - kSmallClasses);
}

void* BlockPool::allocate(std::size_t size) {
  if (size > kLarge) return ::operator new(size);
  const std::size_t size_class = class_of(size);
  if (Free* const block = free_[size_class]) {
    ASAN_UNPOISON_MEMORY_REGION(block, size);
    free_[size_class] = block->next;
    return block;
  }
  const std::size_t whole = size_of(size_class);
  if (whole > left_) add_slab(whole);
  left_ -= whole;
  at_ += whole;
  return at_ - whole;
}

void BlockPool::give(void* block, std::size_t size) noexcept {
  if (size > kLarge) return ::operator delete(block);
  Free*& first = free_[class_of(size)];
  first = new (block) Free{first};
  ASAN_POISON_MEMORY_REGION(block, size);  // nothing without the address sanitizer
}

// Slabs double, so that a zone of ten names stays small. A slab of the largest size is
// mapped with room to spare, then cut to the huge page's boundaries.
void BlockPool::add_slab(std::size_t min_size) {
  std::size_t size = slabs_.empty() ? kFirstSlab : std::min(slabs_.back().size * 2, kMaxSlab);
  size = std::max(size, std::bit_ceil(min_size));
  const bool huge = size == kHugePage;
  const std::size_t mapped = huge ? 2 * size : size;
  void* const memory = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  auto* begin = static_cast<std::byte*>(memory);
  if (huge) {
    const std::size_t skip = (kHugePage - reinterpret_cast<std::uintptr_t>(begin) % kHugePage) % kHugePage;
    if (skip != 0) munmap(begin, skip);
    if (size - skip != 0) munmap(begin + skip + size, size - skip);
    begin += skip;
    madvise(begin, size, MADV_HUGEPAGE);
  }
  slabs_.push_back({begin, size});
  at_ = begin;
  left_ = size;
}

}  // namespace idetcd::resolver
