// Admission: at most so many calls under way at once; the others wait in line.
//
// etcd gives up on a request that it could not apply within seconds, whether it was
// done or not. Thousands of calls at once would all run into that; in line they are
// served just as soon, and each finds out what became of it.
#pragma once

#include <cstddef>
#include <list>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

#include "base/semaphore.h"
#include "transport/deadline.h"

namespace idetcd::internal::transport {

class Admission {
 public:
  explicit Admission(std::size_t most) : free_(most) {}

  // Leaves when it goes.
  class Pass {
   public:
    explicit Pass(Admission& admission) : admission_(&admission) {}
    Pass(Pass&& other) noexcept : admission_(std::exchange(other.admission_, nullptr)) {}
    Pass& operator=(Pass&&) = delete;
    ~Pass() {
      if (admission_) admission_->leave();
    }

   private:
    Admission* admission_;
  };

  // First come, first served. Empty: the deadline or the stop request came first.
  std::optional<Pass> enter(Deadline deadline, const std::stop_token& stop);

 private:
  struct Waiter {
    Semaphore called;
    bool in_line = true;  // guarded by mutex_
  };

  void leave();
  bool give_up(Waiter& waiter, std::list<Waiter*>::iterator place);

  std::mutex mutex_;
  std::size_t free_;         // guarded by mutex_; 0 while somebody waits
  std::list<Waiter*> line_;  // guarded by mutex_
};

}  // namespace idetcd::internal::transport
