#include "transport/admission.h"

#include <atomic>

namespace idetcd::internal::transport {

std::optional<Admission::Pass> Admission::enter(Deadline deadline, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  if (free_ > 0) {
    --free_;
    return Pass(*this);
  }
  Waiter me;
  const auto place = line_.insert(line_.end(), &me);
  lock.unlock();

  std::atomic<bool> stopped{false};
  bool woken = false;
  {
    const std::stop_callback wake(stop, [&] {
      stopped = true;
      me.called.post();
    });
    woken = me.called.wait_until(deadline);
  }
  if (woken && !stopped) return Pass(*this);  // only leave() can have called
  if (give_up(me, place)) return std::nullopt;
  // Called in the same moment. `me` must stay until that call is through.
  for (int calls = (stopped ? 2 : 1) - (woken ? 1 : 0); calls > 0; --calls) me.called.wait();
  return Pass(*this);
}

// False: it was called already.
bool Admission::give_up(Waiter& waiter, std::list<Waiter*>::iterator place) {
  const std::lock_guard lock(mutex_);
  if (!waiter.in_line) return false;
  line_.erase(place);
  return true;
}

void Admission::leave() {
  std::unique_lock lock(mutex_);
  if (line_.empty()) {
    ++free_;
    return;
  }
  Waiter& next = *line_.front();
  line_.pop_front();
  next.in_line = false;
  lock.unlock();
  next.called.post();
}

}  // namespace idetcd::internal::transport
