#include "machine/occupancy.h"

#include <algorithm>

namespace idetcd::internal {

void Occupancy::set(SlotId slot, Reason reason) {
  if (slot == 0 || slot >= reasons_.size()) return;
  if (reasons_[slot] == 0) --free_;
  reasons_[slot] |= static_cast<unsigned char>(reason);
}

void Occupancy::clear(SlotId slot, Reason reason) {
  if (slot == 0 || slot >= reasons_.size() || reasons_[slot] == 0) return;
  reasons_[slot] &= static_cast<unsigned char>(~static_cast<unsigned char>(reason));
  if (reasons_[slot] == 0) ++free_;
}

std::size_t Occupancy::free_up_to(SlotId slot) const noexcept {
  if (slot + std::size_t{1} >= reasons_.size()) return free_;
  return static_cast<std::size_t>(std::count(reasons_.begin() + 1, reasons_.begin() + 1 + slot, 0));
}

SlotId Occupancy::next_free(SlotId slot) const noexcept {
  if (slot >= reasons_.size()) return 0;
  const auto found = std::find(reasons_.begin() + slot, reasons_.end(), 0);
  return found == reasons_.end() ? 0 : static_cast<SlotId>(found - reasons_.begin());
}

std::vector<SlotId> Occupancy::free_from(std::size_t rank, std::size_t count) const {
  std::vector<SlotId> slots;
  if (rank > free_) return slots;
  std::size_t seen = 0;
  for (SlotId slot = 1; slot < reasons_.size() && slots.size() < count; ++slot) {
    if (reasons_[slot] == 0 && ++seen >= rank) slots.push_back(slot);
  }
  return slots;
}

}  // namespace idetcd::internal
