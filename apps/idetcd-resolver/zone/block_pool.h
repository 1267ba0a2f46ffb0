// BlockPool: memory for the many small blocks of a NameTable.
//
// Blocks lie close together in large slabs, on huge pages where the kernel gives them:
// a lookup in a large table costs mostly cache and address-translation misses. A block
// given back is the next one taken of its size; slabs are freed with the pool.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

namespace idetcd::resolver {

// For one thread at a time. Readers of the blocks need no care.
class BlockPool {
 public:
  BlockPool() = default;
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;
  ~BlockPool();

  // `size` bytes, aligned to 16. Throws std::bad_alloc.
  void* allocate(std::size_t size);
  // Precondition: from allocate() of the same size.
  void give(void* block, std::size_t size) noexcept;

 private:
  struct Free {
    Free* next;
  };
  struct Slab {
    void* memory;
    std::size_t size;
  };
  static constexpr std::size_t kStep = 16;         // between the sizes of small blocks
  static constexpr std::size_t kSmall = 1024;      // from here on sizes are powers of two
  static constexpr std::size_t kLarge = 64 << 10;  // and from here on the block is the heap's
  static constexpr std::size_t kClasses = kSmall / kStep + 1 + 6;

  static std::size_t class_of(std::size_t size) noexcept;
  static std::size_t size_of(std::size_t size_class) noexcept;
  void add_slab(std::size_t min_size);

  std::array<Free*, kClasses> free_{};
  std::vector<Slab> slabs_;
  std::byte* at_ = nullptr;  // the untouched rest of the last slab
  std::size_t left_ = 0;
};

}  // namespace idetcd::resolver
