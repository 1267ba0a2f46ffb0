// Mailbox<T>: many threads push, one takes. Bounded: a full one drops the newcomer
// and says so once, at the next take, so that its owner can recover by listing anew.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

#include "base/semaphore.h"

namespace idetcd::internal {

template <class T>
class Mailbox {
 public:
  explicit Mailbox(std::size_t capacity = 65536) : capacity_(capacity) {}

  // Never blocks. After close() or when full the item is dropped.
  void push(T item) {
    std::unique_lock lock(mutex_);
    if (closed_) return;
    if (items_.size() < capacity_) {
      items_.push_back(std::move(item));
    } else {
      overflowed_ = true;
    }
    wake(lock);
  }

  // Waits until there is something, or `timeout`, close() or a stop request. Gives
  // everything that is there.
  std::vector<T> take(std::chrono::nanoseconds timeout, const std::stop_token& stop = {}) {
    std::unique_lock lock(mutex_);
    if (items_.empty() && !closed_ && !overflowed_ && timeout.count() > 0) sleep(lock, timeout, stop);
    std::vector<T> all(std::make_move_iterator(items_.begin()), std::make_move_iterator(items_.end()));
    items_.clear();
    return all;
  }

  // Whether something was dropped since the last call.
  bool take_overflow() {
    std::lock_guard lock(mutex_);
    return std::exchange(overflowed_, false);
  }

  void close() {
    std::unique_lock lock(mutex_);
    closed_ = true;
    wake(lock);
  }

 private:
  // Leaves `lock` unlocked, so that who is woken does not find it taken.
  void wake(std::unique_lock<std::mutex>& lock) {
    const bool sleeps = std::exchange(sleeps_, false);
    lock.unlock();
    if (sleeps) ready_.post();
  }

  void sleep(std::unique_lock<std::mutex>& lock, std::chrono::nanoseconds timeout, const std::stop_token& stop) {
    sleeps_ = true;
    lock.unlock();
    bool woken = false;
    {
      const std::stop_callback end(stop, [this] {
        std::unique_lock locked(mutex_);
        wake(locked);
      });
      woken = ready_.wait_until(std::chrono::steady_clock::now() + timeout);
    }
    lock.lock();
    if (woken || std::exchange(sleeps_, false)) return;
    lock.unlock();
    ready_.wait();  // woken in the same moment: that post is on its way
    lock.lock();
  }

  const std::size_t capacity_;
  std::mutex mutex_;
  Semaphore ready_;
  std::deque<T> items_;  // guarded by mutex_, as is the rest
  bool sleeps_ = false;  // the taker does, and nobody has woken it yet
  bool closed_ = false;
  bool overflowed_ = false;
};

}  // namespace idetcd::internal
