// WorkerThread: the one thread of an object that its user may end from anywhere, also
// from a callback that this very thread runs.
#pragma once

#include <idetcd/result.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>

namespace idetcd::internal {

class WorkerThread {
 public:
  WorkerThread() = default;
  WorkerThread(const WorkerThread&) = delete;
  WorkerThread& operator=(const WorkerThread&) = delete;

  // Waits for the thread's end. On the thread itself: lets it end by itself, so that
  // `body` must own, by a shared pointer, all that it uses after its callbacks.
  ~WorkerThread();

  // Once. kExhausted: the system gives no thread.
  Status start(std::function<void(std::stop_token)> body);

  bool is_current() const noexcept { return thread_.get_id() == std::this_thread::get_id(); }

  // Asks the thread to end and waits until it has; on the thread itself, asks only.
  // Any thread, any number of times.
  void stop();

 private:
  // Outlives this when the thread does.
  struct Ending {
    std::mutex mutex;
    std::condition_variable changed;
    bool ended = false;  // guarded by mutex
  };

  std::stop_source stop_;
  const std::shared_ptr<Ending> ending_ = std::make_shared<Ending>();
  std::thread thread_;
};

}  // namespace idetcd::internal
