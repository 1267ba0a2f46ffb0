// Time that counts suspend and never jumps: CLOCK_BOOTTIME. Ownership is evaluated on
// it alone, and waiting for one of its moments is done on it too. Machines take the
// time as a value; only thread shells hold a Clock.
#pragma once

#include <chrono>
#include <memory>

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

// What one thread sleeps on until a moment of its clock, or until another thread wakes it.
class Alarm {
 public:
  Alarm() = default;
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;
  virtual ~Alarm() = default;

  // Any thread; does not block. Ends the wait under way, or else the next one. The
  // alarm must outlive the call.
  virtual void wake() noexcept = 0;

  // One thread at a time. True: woken; false: `moment` came first. The time during
  // which the machine was suspended counts.
  virtual bool wait_until(TimePoint moment) noexcept = 0;
};

class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint now() const noexcept = 0;
  virtual std::unique_ptr<Alarm> alarm() const = 0;  // which the clock must outlive
};

// The machine's own; lives for ever. An alarm of it owns a file descriptor once it
// has waited for more than a moment.
const Clock& boot_clock() noexcept;

}  // namespace idetcd::internal
