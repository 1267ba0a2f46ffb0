#include "base/boot_alarm.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

namespace idetcd::internal {
namespace {

constexpr TimePoint kLongPast{std::chrono::nanoseconds{1}};  // 0 would disarm the timer

void set(int timer, TimePoint moment) noexcept {
  const auto since = std::max(moment, kLongPast).time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
  itimerspec spec{};
  spec.it_value = {.tv_sec = seconds.count(), .tv_nsec = (since - seconds).count()};
  ::timerfd_settime(timer, TFD_TIMER_ABSTIME, &spec, nullptr);
}

}  // namespace

BootAlarm::~BootAlarm() {
  if (timer_ >= 0) ::close(timer_);
}

void BootAlarm::wake() noexcept {
  switch (state_.exchange(kWoken)) {
    case kOnFutex: futex_.post(); break;
    // The waiter armed the timer before it said so: this comes after that.
    case kOnTimer: set(timer_, kLongPast); break;
    case kAwake:
    case kWoken: break;
  }
}

bool BootAlarm::wait_until(TimePoint moment) noexcept {
  while (!take_wake()) {
    const auto left = moment - boot_now();
    if (left.count() <= 0) return false;
    if (left > kShort && has_timer()) {
      wait_on_timer(moment);
    } else {
      wait_on_futex(std::min<std::chrono::nanoseconds>(left, kShort));
    }
  }
  return true;
}

bool BootAlarm::take_wake() noexcept {
  State woken = kWoken;
  return state_.compare_exchange_strong(woken, kAwake);
}

bool BootAlarm::has_timer() noexcept {
  if (timer_ < 0) timer_ = ::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC);
  return timer_ >= 0;
}

// A waker that is late sets a timer that was armed anew: then this ends early, and the
// caller looks and waits again.
void BootAlarm::wait_on_timer(TimePoint moment) noexcept {
  set(timer_, moment);
  State awake = kAwake;
  if (!state_.compare_exchange_strong(awake, kOnTimer)) return;
  std::uint64_t expirations = 0;
  [[maybe_unused]] const auto read = ::read(timer_, &expirations, sizeof expirations);
  State waiting = kOnTimer;
  state_.compare_exchange_strong(waiting, kAwake);
}

void BootAlarm::wait_on_futex(std::chrono::nanoseconds time) noexcept {
  State awake = kAwake;
  if (!state_.compare_exchange_strong(awake, kOnFutex)) return;
  if (futex_.wait_until(std::chrono::steady_clock::now() + time)) return;
  State waiting = kOnFutex;
  if (!state_.compare_exchange_strong(waiting, kAwake)) futex_.wait();  // woken just now: its post is on the way
}

}  // namespace idetcd::internal
