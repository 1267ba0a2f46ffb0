#include "machine/ticket_count.h"

#include <algorithm>
#include <charconv>

namespace idetcd::internal {

SlotId ticket_limit(std::string_view value, SlotId ours) noexcept {
  SlotId said = 0;
  const char* end = value.data() + value.size();
  const bool number = std::from_chars(value.data(), end, said).ptr == end && said != 0;
  return number ? std::min(ours, said) : ours;
}

void TicketCount::add(SlotId limit) {
  ++count_;
  if (limit < limit_) ++below_[limit];
}

void TicketCount::remove(SlotId limit) {
  --count_;
  const auto below = below_.find(limit);
  if (below != below_.end() && --below->second == 0) below_.erase(below);
}

std::size_t TicketCount::rivals() const noexcept {
  std::size_t rivals = count_;
  for (const auto& [limit, count] : below_) rivals -= count;
  return rivals;
}

// Those with the lowest limits have the fewest slots to choose from.
std::size_t TicketCount::pairing(const Occupancy& occupancy) const {
  std::size_t served = 0;
  std::size_t unbounded = count_;
  for (const auto& [limit, count] : below_) {
    served = std::min(served + count, std::max(served, occupancy.free_up_to(limit)));
    unbounded -= count;
  }
  return served + unbounded + 1;
}

}  // namespace idetcd::internal
