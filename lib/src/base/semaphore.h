// Semaphore: a count that many raise and one thread waits for.
//
// For waking a thread that is about to go its way: unlike with a condition variable
// there is no lock that both sides need, so that a wake-up is one system call, and the
// woken thread does not run into its waker. That matters where thousands wait. Not
// sem_clockwait(): the thread sanitizer does not know it, and takes what is handed over for a
// race.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace idetcd::internal {

class Semaphore {
 public:
  Semaphore() = default;
  Semaphore(const Semaphore&) = delete;
  Semaphore& operator=(const Semaphore&) = delete;

  // Any thread. The waiter may destroy the semaphore as soon as it has what was posted.
  void post() noexcept;

  // One thread at a time.
  void wait() noexcept;
  bool wait_until(std::chrono::steady_clock::time_point deadline) noexcept;  // false: the deadline came first

 private:
  bool try_take() noexcept;

  // Twice the count, and 1 if the waiter sleeps or is about to.
  std::atomic<std::uint32_t> state_{0};
};

}  // namespace idetcd::internal
