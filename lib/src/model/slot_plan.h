// SlotPlan: the value of a pool's plan key: which free slots a planner found, and from
// which turn on they are dealt out. Turn `base` has the first of them, the next turn the
// second, and so on.
//
// A hint: whoever reads it has yet to find its slot free in its own transaction.
#pragma once

#include <idetcd/etcd.h>
#include <idetcd/pattern_template.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace idetcd::internal {

struct SlotRun {
  SlotId first = 0;
  SlotId count = 0;

  bool operator==(const SlotRun&) const = default;
};

struct SlotPlan {
  std::int64_t base = 0;
  Revision since = 0;           // where the turns that it counts begin: the turn key's creation; 0: not said
  SlotId limit = 0;             // the planner's; it has looked no further
  bool complete = true;         // false: more slots were free than fit
  std::vector<SlotRun> runs{};  // ascending, apart

  std::size_t size() const noexcept;  // in slots
  SlotId last() const noexcept;       // 0: it is empty

  void remove(SlotId slot);  // if it is there

  // Up to `count` slots, beginning with the one of `turn`; precondition: turn >= base.
  std::vector<SlotId> from(std::int64_t turn, std::size_t count) const;

  bool operator==(const SlotPlan&) const = default;
};

// JSON of at most kMaxPlanBytes, whatever the fragmentation: runs that do not fit are left
// out, and it is not complete then. Gaps and runs below 32 take a character each.
inline constexpr std::size_t kMaxPlanBytes = 4096;
std::string to_json(const SlotPlan& plan);
std::optional<SlotPlan> parse_slot_plan(std::string_view json);

}  // namespace idetcd::internal
