// TicketCount: how many tickets are older than ours, and which slots they leave to us.
#pragma once

#include "machine/occupancy.h"

#include <idetcd/pattern_template.h>

#include <cstddef>
#include <map>
#include <string_view>

namespace idetcd::internal {

// What a ticket says: the limit of the node that waits; `ours` if it did not say, or said more.
SlotId ticket_limit(std::string_view value, SlotId ours) noexcept;

class TicketCount {
 public:
  explicit TicketCount(SlotId limit) : limit_(limit) {}

  void add(SlotId limit);
  void remove(SlotId limit);  // precondition: it was added
  std::size_t count() const noexcept { return count_; }
  std::size_t rivals() const noexcept;  // those who could use every slot that we could

  // Which free slot is ours: the rank among those who could take one too. Somebody
  // older whose limit is lower than ours is not waited for with slots beyond it.
  std::size_t pairing(const Occupancy& occupancy) const;

 private:
  SlotId limit_;  // ours
  std::size_t count_ = 0;
  std::map<SlotId, std::size_t> below_;  // of these, how many have which limit below ours
};

}  // namespace idetcd::internal
