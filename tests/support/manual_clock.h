// A clock that a test moves. now() and alarms from any thread; advance() from one.
#pragma once

#include "base/clock.h"

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
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

  std::unique_ptr<Alarm> alarm() const override {
    auto sleeper = std::make_shared<Sleeper>();
    std::lock_guard lock(alarms_mutex_);
    std::erase_if(sleepers_, [](const auto& one) { return one.expired(); });
    sleepers_.push_back(sleeper);
    return std::make_unique<ManualAlarm>(*this, std::move(sleeper));
  }

  // Then tells the listeners, on this thread: what falls due has happened when this
  // returns. Then rings the alarms, whose threads follow soon.
  void advance(std::chrono::nanoseconds by) {
    advanced_ += by.count();
    {
      std::lock_guard lock(mutex_);
      for (const auto& [owner, listener] : listeners_) listener();
    }
    std::lock_guard lock(alarms_mutex_);
    for (const auto& one : sleepers_) {
      if (const auto sleeper = one.lock()) sleeper->look();
    }
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
  struct Sleeper {
    std::mutex mutex;
    std::condition_variable changed;
    bool woken = false;  // guarded by mutex

    void look() {
      std::lock_guard lock(mutex);
      changed.notify_all();
    }
  };

  class ManualAlarm final : public Alarm {
   public:
    ManualAlarm(const ManualClock& clock, std::shared_ptr<Sleeper> sleeper)
        : clock_(clock), sleeper_(std::move(sleeper)) {}

    void wake() noexcept override {
      std::lock_guard lock(sleeper_->mutex);
      sleeper_->woken = true;
      sleeper_->changed.notify_all();
    }

    bool wait_until(TimePoint moment) noexcept override {
      std::unique_lock lock(sleeper_->mutex);
      while (!std::exchange(sleeper_->woken, false)) {
        const auto left = moment - clock_.now();
        if (left.count() <= 0) return false;
        if (clock_.ground_ != nullptr && moment != TimePoint::max()) {
          sleeper_->changed.wait_for(lock, left);
        } else {
          sleeper_->changed.wait(lock);
        }
      }
      return true;
    }

   private:
    const ManualClock& clock_;
    const std::shared_ptr<Sleeper> sleeper_;
  };

  const Clock* const ground_ = nullptr;
  std::atomic<std::chrono::nanoseconds::rep> advanced_{0};
  mutable std::mutex mutex_;
  mutable std::vector<std::pair<const void*, std::function<void()>>> listeners_;  // guarded by mutex_
  mutable std::mutex alarms_mutex_;
  mutable std::vector<std::weak_ptr<Sleeper>> sleepers_;  // guarded by alarms_mutex_
};

}  // namespace idetcd::testing
