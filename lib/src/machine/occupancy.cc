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

Occupancy Occupancy::without(Reason reason) const {
  Occupancy rest = *this;
  for (SlotId slot = 1; slot < reasons_.size(); ++slot) rest.clear(slot, reason);
  return rest;
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

SlotPlan plan_of(const Occupancy& occupancy, SlotId limit, SlotId first, std::size_t owed) {
  SlotPlan plan{.limit = limit};
  for (SlotId slot = occupancy.next_free(first); slot != 0; slot = occupancy.next_free(slot + 1)) {
    if (owed > 0) {
      --owed;
    } else if (!plan.runs.empty() && plan.last() + 1 == slot) {
      ++plan.runs.back().count;
    } else if (plan.runs.size() < kMaxPlanBytes / 2) {
      plan.runs.push_back({slot, 1});
    } else {
      plan.complete = false;
      break;
    }
  }
  return plan;
}

}  // namespace idetcd::internal
