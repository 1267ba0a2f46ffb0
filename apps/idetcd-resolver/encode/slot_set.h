// SlotSet: an ordered set of slots over all pools; a sparse bitmap, so that 100,000
// of them take some 100 KB and the first hundred are found at once.
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

  bool contains(PoolSlot member) const noexcept {
    const auto at = words_.find(word_of(member));
    return at != words_.end() && (at->second & bit_of(member)) != 0;
  }

  // Whether it was not there before.
  bool insert(PoolSlot member) {
    std::uint64_t& word = words_[word_of(member)];
    if ((word & bit_of(member)) != 0) return false;
    word |= bit_of(member);
    ++size_;
    return true;
  }

  // Whether it was there.
  bool erase(PoolSlot member) {
    const auto at = words_.find(word_of(member));
    if (at == words_.end() || (at->second & bit_of(member)) == 0) return false;
    at->second &= ~bit_of(member);
    if (at->second == 0) words_.erase(at);
    --size_;
    return true;
  }

  // Calls visit(member) in ascending order until it returns false.
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
  static std::uint64_t word_of(PoolSlot member) noexcept {
    return (std::uint64_t{member.pool} << 32 | member.slot) >> 6;
  }
  static std::uint64_t bit_of(PoolSlot member) noexcept { return std::uint64_t{1} << (member.slot & 63); }

  std::map<std::uint64_t, std::uint64_t> words_;
  std::size_t size_ = 0;
};

}  // namespace idetcd::resolver
