// Time that counts suspend and never jumps: CLOCK_BOOTTIME. Ownership is judged on
// it alone. Machines take the time as a value; only thread shells hold a Clock.
#pragma once

#include <chrono>

namespace idetcd::internal {

// The tag of our time points; not a std clock, so that now() is only had from a Clock.
struct BootTime {
  using rep = std::chrono::nanoseconds::rep;
  using period = std::chrono::nanoseconds::period;
  using duration = std::chrono::nanoseconds;
  using time_point = std::chrono::time_point<BootTime>;
  static constexpr bool is_steady = true;
};
using TimePoint = BootTime::time_point;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint now() const noexcept = 0;
};

// The machine's own; lives for ever.
const Clock& boot_clock() noexcept;

}  // namespace idetcd::internal
