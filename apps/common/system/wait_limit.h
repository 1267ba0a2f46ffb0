// WaitLimit: bounds the wait for the first name, whatever it is spent on.
//
// The library counts the time in the queue only; while etcd is away there is no queue.
#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace idetcd::app {

// Owns one thread until it is over or destroyed.
class WaitLimit {
 public:
  // Calls `on_over` on that thread when `time` has passed. Throws std::system_error without a thread.
  WaitLimit(std::chrono::seconds time, std::function<void()> on_over);
  // Waits for a call that runs; none follows.
  ~WaitLimit() = default;

 private:
  std::jthread thread_;
};

}  // namespace idetcd::app
