// Mailbox<T>: many threads push, one takes.
#pragma once

#include "base/clock.h"

#include <chrono>
#include <cstddef>
#include <iterator>
#include <memory>
#include <mutex>
#include <stop_token>
#include <utility>
#include <vector>

namespace idetcd::internal {

template <class T>
class Mailbox {
 public:
  explicit Mailbox(const Clock& clock, std::size_t capacity = 65536) : alarm_(clock.alarm()), capacity_(capacity) {}

  // Keeps the item, however many there are: for what comes once, as an answer or the
  // end of a watch. Any thread; does not block.
  void push(T item) { add(std::move(item), true); }

  // For what can be listed anew. A full mailbox drops the item and says so once, in
  // take_overflow(). Any thread; does not block.
  void push_or_drop(T item) { add(std::move(item), false); }

  // Waits until there is something, or a drop, `until` or a stop request. Gives
  // everything that is there.
  std::vector<T> take(TimePoint until, const std::stop_token& stop = {}) {
    std::unique_lock lock(mutex_);
    if (items_.empty() && !overflowed_) sleep(lock, until, stop);
    return std::exchange(items_, {});
  }

  // Whether something was dropped since the last call.
  bool take_overflow() {
    std::lock_guard lock(mutex_);
    return std::exchange(overflowed_, false);
  }

 private:
  void add(T item, bool keep) {
    bool sleeps = false;
    {
      std::lock_guard lock(mutex_);
      if (keep || items_.size() < capacity_) {
        items_.push_back(std::move(item));
      } else {
        overflowed_ = true;
      }
      sleeps = std::exchange(sleeps_, false);
    }
    if (sleeps) alarm_->wake();  // without the lock, so that who is woken does not find it taken
  }

  void sleep(std::unique_lock<std::mutex>& lock, TimePoint until, const std::stop_token& stop) {
    bool in_time = true;
    const std::stop_callback end(stop, [this] { alarm_->wake(); });
    // A wake-up may be an old one, of a push that was taken without sleeping.
    while (in_time && items_.empty() && !overflowed_ && !stop.stop_requested()) {
      sleeps_ = true;
      lock.unlock();
      in_time = alarm_->wait_until(until);
      lock.lock();
      sleeps_ = false;
    }
  }

  const std::unique_ptr<Alarm> alarm_;
  const std::size_t capacity_;
  std::mutex mutex_;
  std::vector<T> items_;  // guarded by mutex_, as is the rest
  bool sleeps_ = false;   // the taker does, and nobody has woken it yet
  bool overflowed_ = false;
};

}  // namespace idetcd::internal
