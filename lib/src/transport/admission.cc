#include "transport/admission.h"

namespace idetcd::transport {

std::optional<Admission::Pass> Admission::enter(Deadline deadline, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  if (free_ > 0) {
    --free_;
    return Pass(*this);
  }
  Waiter me;
  const auto place = line_.insert(line_.end(), &me);
  if (me.called.wait_until(lock, stop, deadline, [&] { return me.may_enter; })) return Pass(*this);
  line_.erase(place);
  return std::nullopt;
}

void Admission::leave() {
  std::lock_guard lock(mutex_);
  if (line_.empty()) {
    ++free_;
    return;
  }
  Waiter& next = *line_.front();
  line_.pop_front();
  next.may_enter = true;
  next.called.notify_one();  // under the lock: it goes away as soon as it has it
}

}  // namespace idetcd::transport
