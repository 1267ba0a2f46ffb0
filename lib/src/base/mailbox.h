// Mailbox<T>: many threads push, one takes. Bounded: a full one drops the newcomer
// and says so once, at the next take, so that its owner can recover by listing anew.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

namespace idetcd {

template <class T>
class Mailbox {
 public:
  explicit Mailbox(std::size_t capacity = 65536) : capacity_(capacity) {}

  // Never blocks. After close() or when full the item is dropped.
  void push(T item) {
    {
      std::lock_guard lock(mutex_);
      if (closed_) return;
      if (items_.size() >= capacity_) {
        overflowed_ = true;
        return;
      }
      items_.push_back(std::move(item));
    }
    ready_.notify_one();
  }

  // Waits until there is something, or `timeout`, close() or a stop request. Gives
  // everything that is there.
  std::vector<T> take(std::chrono::nanoseconds timeout, const std::stop_token& stop = {}) {
    std::unique_lock lock(mutex_);
    ready_.wait_for(lock, stop, timeout, [&] { return !items_.empty() || closed_ || overflowed_; });
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
    {
      std::lock_guard lock(mutex_);
      closed_ = true;
    }
    ready_.notify_all();
  }

 private:
  const std::size_t capacity_;
  std::mutex mutex_;
  std::condition_variable_any ready_;
  std::deque<T> items_;  // guarded by mutex_, as is the rest
  bool closed_ = false;
  bool overflowed_ = false;
};

}  // namespace idetcd
