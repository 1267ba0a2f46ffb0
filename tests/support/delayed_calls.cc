#include "support/delayed_calls.h"

#include <utility>

namespace idetcd::testing {

using Steady = std::chrono::steady_clock;

DelayedCalls::DelayedCalls() : thread_([this] { run(); }) {}

DelayedCalls::~DelayedCalls() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
}

void DelayedCalls::run_after(std::chrono::nanoseconds delay, std::function<void()> call) {
  {
    std::lock_guard lock(mutex_);
    calls_.emplace(Steady::now() + delay, std::move(call));
  }
  changed_.notify_all();
}

void DelayedCalls::run() {
  std::unique_lock lock(mutex_);
  while (!ending_ || !calls_.empty()) {
    if (calls_.empty()) {
      changed_.wait(lock);
    } else if (const auto due = calls_.begin()->first; !ending_ && due > Steady::now()) {
      changed_.wait_until(lock, due);
    } else {
      auto next = calls_.extract(calls_.begin());
      lock.unlock();
      next.mapped()();
      next = {};
      lock.lock();
    }
  }
}

}  // namespace idetcd::testing
