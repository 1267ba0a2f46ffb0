// BootAlarm: the Alarm of CLOCK_BOOTTIME.
//
// A futex cannot wait on that clock, so a long wait is a read of a timerfd that can:
// its expiry is the moment, and to wake the reader is to set it to a moment long past.
// Short waits, which thousands of claimants make at once, are a futex and cost no
// descriptor; so is, in slices, a long one when the process has no descriptor left.
// Either way a suspend makes a wait late by no more than kShort.
#pragma once

#include "base/clock.h"
#include "base/semaphore.h"

#include <atomic>

namespace idetcd::internal {

TimePoint boot_now() noexcept;

class BootAlarm final : public Alarm {
 public:
  static constexpr std::chrono::milliseconds kShort{100};

  ~BootAlarm() override;
  void wake() noexcept override;
  bool wait_until(TimePoint moment) noexcept override;

 private:
  enum State { kAwake, kWoken, kOnFutex, kOnTimer };

  bool take_wake() noexcept;
  bool has_timer() noexcept;
  void wait_on_timer(TimePoint moment) noexcept;
  void wait_on_futex(std::chrono::nanoseconds time) noexcept;

  std::atomic<State> state_{kAwake};
  Semaphore futex_;
  int timer_ = -1;  // opened by the waiter, before it says that it waits on it
};

}  // namespace idetcd::internal
