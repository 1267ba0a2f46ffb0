// DelayedCalls: functions run later, one at a time, on a thread of its own. In order of
// their time, and of arrival when that is the same.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

namespace idetcd::testing {

class DelayedCalls {
 public:
  DelayedCalls();
  ~DelayedCalls();  // runs at once what is left

  // Any thread; does not block.
  void run_after(std::chrono::nanoseconds delay, std::function<void()> call);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<std::chrono::steady_clock::time_point, std::function<void()>> calls_;  // guarded by mutex_
  bool ending_ = false;                                                                // guarded by mutex_
  std::jthread thread_;
};

}  // namespace idetcd::testing
