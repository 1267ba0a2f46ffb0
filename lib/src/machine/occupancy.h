// Occupancy: which slots of a pool can be had, as a list or a watch shows them.
#pragma once

#include "model/slot_plan.h"

#include <idetcd/pattern_template.h>

#include <cstddef>
#include <vector>

namespace idetcd::internal {

// A slot can be unavailable for several reasons at once (its record is there, a node
// entry claims it, it is held for somebody); it is free when no reason is left.
class Occupancy {
 public:
  enum class Reason : unsigned char { kRecord = 1, kOwner = 2, kHold = 4 };

  explicit Occupancy(SlotId limit) : reasons_(limit + std::size_t{1}), free_(limit) {}

  void set(SlotId slot, Reason reason);
  void clear(SlotId slot, Reason reason);

  std::size_t free() const noexcept { return free_; }
  std::size_t free_up_to(SlotId slot) const noexcept;  // among 1..slot

  Occupancy without(Reason reason) const;  // as if it were no reason

  SlotId next_free(SlotId slot) const noexcept;  // the lowest from `slot` on; 0: there is none

  // Up to `count` free slots in ascending order, beginning with the `rank`-th (1 is
  // the lowest). Empty if there are fewer than `rank`.
  std::vector<SlotId> free_from(std::size_t rank, std::size_t count) const;

 private:
  std::vector<unsigned char> reasons_;  // by slot; [0] is unused
  std::size_t free_;
};

// The free slots from `first` on but for the lowest `owed`, which older tickets wait for.
// At most as many runs as a plan can have room for.
SlotPlan plan_of(const Occupancy& occupancy, SlotId limit, SlotId first, std::size_t owed);

}  // namespace idetcd::internal
