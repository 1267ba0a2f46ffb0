#include "machine/occupancy.h"

namespace idetcd {

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

std::vector<SlotId> Occupancy::free_from(std::size_t rank, std::size_t count) const {
  std::vector<SlotId> slots;
  if (rank > free_) return slots;
  std::size_t seen = 0;
  for (SlotId slot = 1; slot < reasons_.size() && slots.size() < count; ++slot) {
    if (reasons_[slot] == 0 && ++seen >= rank) slots.push_back(slot);
  }
  return slots;
}

}  // namespace idetcd
