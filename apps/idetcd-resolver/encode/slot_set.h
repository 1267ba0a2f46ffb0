// SlotSet: an ordered set of slots, of all pools; a sparse bitmap: 100,000 slots take
// some 100 KB, and the first hundred are found without a search.
#pragma once

#include <idetcd/pattern_template.h>

#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>

namespace idetcd::resolver {

struct PoolSlot {
  std::uint32_t pool = 0;
  SlotId slot = 0;

  auto operator<=>(const PoolSlot&) const = default;
};

class SlotSet {
 public:
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }

  void insert(PoolSlot slot) {
    std::uint64_t& word = words_[word_of(slot)];
    if ((word & bit_of(slot)) == 0) ++size_;
    word |= bit_of(slot);
  }

  void erase(PoolSlot slot) {
    const auto at = words_.find(word_of(slot));
    if (at == words_.end() || (at->second & bit_of(slot)) == 0) return;
    at->second &= ~bit_of(slot);
    if (at->second == 0) words_.erase(at);
    --size_;
  }

  // Calls visit(slot) in ascending order until it returns false.
  template <class Visit>
  void for_each_while(Visit visit) const {
    for (const auto& [key, bits] : words_) {
      for (std::uint64_t left = bits; left != 0; left &= left - 1) {
        const auto low = static_cast<std::uint64_t>(std::countr_zero(left));
        const std::uint64_t packed = key << 6 | low;
        if (!visit(PoolSlot{static_cast<std::uint32_t>(packed >> 32), static_cast<SlotId>(packed)})) return;
      }
    }
  }

 private:
  static std::uint64_t word_of(PoolSlot slot) noexcept { return (std::uint64_t{slot.pool} << 32 | slot.slot) >> 6; }
  static std::uint64_t bit_of(PoolSlot slot) noexcept { return std::uint64_t{1} << (slot.slot & 63); }

  std::map<std::uint64_t, std::uint64_t> words_;
  std::size_t size_ = 0;
};

}  // namespace idetcd::resolver
