// Snapshot<T>: one writer publishes immutable values, many readers follow them.
//
// A reader's check for a newer value is one atomic load; it takes the lock only when one
// has been published, which is rare. Nothing is copied and nobody waits for a reader: a
// value lives until the last reader that pinned it moves on, and is destroyed on the
// thread of that reader or of the writer.
#pragma once

#include <idetcd/export.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace idetcd {

template <class T>
class Snapshot {
 public:
  // `value`, and every published one, is not null.
  explicit Snapshot(std::shared_ptr<const T> value) : value_(std::move(value)) {}
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

  // Any thread.
  void publish(std::shared_ptr<const T> value) {
    {
      std::lock_guard lock(mutex_);
      value_.swap(value);
      generation_.fetch_add(1, std::memory_order_release);
    }
    // The previous value, if it was the last reference, dies here: outside the lock.
  }

  // Any thread.
  std::shared_ptr<const T> load() const {
    std::lock_guard lock(mutex_);
    return value_;
  }

  // One thread's view. The Snapshot must outlive it.
  class Reader {
   public:
    explicit Reader(const Snapshot& source) : source_(&source) { refresh(); }

    // The newest value; valid until the next call.
    const T& current() {
      if (source_->generation_.load(std::memory_order_acquire) != generation_) refresh();
      return *value_;
    }

   private:
    // The generation is read before the value: a publication in between is then
    // seen again at the next check. In the other order it would be missed.
    void refresh() {
      generation_ = source_->generation_.load(std::memory_order_acquire);
      value_ = source_->load();
    }

    const Snapshot* source_;
    std::uint64_t generation_ = 0;
    std::shared_ptr<const T> value_;
  };

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> value_;  // guarded by mutex_
  std::atomic<std::uint64_t> generation_{0};
};

}  // namespace idetcd
