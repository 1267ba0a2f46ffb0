// A clock that a test moves. now() from any thread; advance() from one.
#pragma once

#include "base/clock.h"

#include <atomic>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace idetcd::testing {
using namespace internal;

class ManualClock final : public Clock {
 public:
  ManualClock() = default;                                         // stands still
  explicit ManualClock(const Clock& ground) : ground_(&ground) {}  // runs as `ground` does, and jumps

  TimePoint now() const noexcept override {
    const TimePoint ground = ground_ ? ground_->now() : TimePoint{std::chrono::hours{24}};
    return ground + std::chrono::nanoseconds{advanced_.load()};
  }

  // Then tells the listeners, on this thread: what falls due has happened when this returns.
  void advance(std::chrono::nanoseconds by) {
    advanced_ += by.count();
    std::lock_guard lock(mutex_);
    for (const auto& [owner, listener] : listeners_) listener();
  }

  // `listener` must not call back into the clock's listen() or forget().
  void listen(const void* owner, std::function<void()> listener) const {
    std::lock_guard lock(mutex_);
    listeners_.emplace_back(owner, std::move(listener));
  }
  // When it returns, no listener of `owner` is running or will run.
  void forget(const void* owner) const {
    std::lock_guard lock(mutex_);
    std::erase_if(listeners_, [owner](const auto& entry) { return entry.first == owner; });
  }

 private:
  const Clock* const ground_ = nullptr;
  std::atomic<std::chrono::nanoseconds::rep> advanced_{0};
  mutable std::mutex mutex_;
  mutable std::vector<std::pair<const void*, std::function<void()>>> listeners_;  // guarded by mutex_
};

}  // namespace idetcd::testing
