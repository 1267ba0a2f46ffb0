#include "base/semaphore.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

namespace idetcd::internal {
namespace {

constexpr std::uint32_t kSleeper = 1;
constexpr std::uint32_t kOne = 2;

// std::atomic::wait knows no deadline. ETIMEDOUT or something else, after which one looks again.
int futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected, const timespec* deadline) noexcept {
  const long rc = ::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, expected, deadline, nullptr,
                            FUTEX_BITSET_MATCH_ANY);  // the deadline is a time on CLOCK_MONOTONIC
  return rc == 0 ? 0 : errno;
}

timespec to_timespec(std::chrono::steady_clock::time_point time) noexcept {
  const auto since = time.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
  return {.tv_sec = seconds.count(), .tv_nsec = (since - seconds) / std::chrono::nanoseconds(1)};
}

}  // namespace

void Semaphore::post() noexcept {
  if ((state_.fetch_add(kOne, std::memory_order_release) & kSleeper) == 0) return;
  // The waiter may have seen the count already and be gone: then this wakes nobody, or
  // somebody else at this address, who looks and sleeps again.
  ::syscall(SYS_futex, &state_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

bool Semaphore::try_take() noexcept {
  std::uint32_t state = state_.load(std::memory_order_relaxed);
  while (state >= kOne) {
    const std::uint32_t taken = (state - kOne) & ~kSleeper;
    if (state_.compare_exchange_weak(state, taken, std::memory_order_acquire, std::memory_order_relaxed)) return true;
  }
  return false;
}

void Semaphore::wait() noexcept {
  while (!try_take()) {
    std::uint32_t none = 0;
    state_.compare_exchange_strong(none, kSleeper, std::memory_order_relaxed);
    futex_wait(state_, kSleeper, nullptr);
  }
}

bool Semaphore::wait_until(std::chrono::steady_clock::time_point deadline) noexcept {
  const timespec until = to_timespec(deadline);
  while (!try_take()) {
    std::uint32_t none = 0;
    state_.compare_exchange_strong(none, kSleeper, std::memory_order_relaxed);
    if (futex_wait(state_, kSleeper, &until) == ETIMEDOUT) return try_take();
  }
  return true;
}

}  // namespace idetcd::internal
