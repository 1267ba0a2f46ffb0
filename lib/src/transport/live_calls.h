// LiveCalls: lets a channel's owner wait until the last call over it is gone.
//
// A ClientContext keeps its channel alive. When the last one goes away on a thread of
// gRPC's own, gRPC 1.51 shuts down its callback queue there: the thread joins itself,
// and the process crashes soon after. So channels must go on a thread of the user's.
#pragma once

#include <condition_variable>
#include <mutex>

namespace idetcd::internal::transport {

class LiveCalls {
 public:
  // Declare it before the ClientContext that it stands for, so that it goes after it.
  class Ticket {
   public:
    explicit Ticket(LiveCalls& calls) : calls_(calls) {
      const std::lock_guard lock(calls_.mutex_);
      ++calls_.count_;
    }
    ~Ticket() {
      const std::lock_guard lock(calls_.mutex_);
      if (--calls_.count_ == 0) calls_.none_.notify_all();
    }
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;

   private:
    LiveCalls& calls_;
  };

  void wait_for_none() {
    std::unique_lock lock(mutex_);
    none_.wait(lock, [this] { return count_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable none_;
  int count_ = 0;
};

}  // namespace idetcd::internal::transport
