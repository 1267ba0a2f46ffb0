#include "machine/lease_machine.h"

#include <algorithm>

namespace idetcd::internal {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstRetry{100};
constexpr milliseconds kFirstPatience{500};  // where a sixth of the time is less
constexpr milliseconds kMinPatience{250};    // near the end of trust
constexpr int kMaxDoublings = 2;

milliseconds most_retry(milliseconds rhythm) {
  return std::max(kFirstRetry, rhythm / 6);
}

}  // namespace

LeaseMachine::LeaseMachine(std::chrono::seconds ttl, TimePoint sent, std::uint64_t seed, std::chrono::seconds pace)
    : ttl_(ttl),
      pace_(pace),
      retry_(kFirstRetry, most_retry(rhythm()), seed),
      // A third of the time to live at most, and no less than a fourth and a bit: a
      // thousand leases granted together are not renewed in step for ever.
      jitter_(rhythm() / 15, rhythm() / 15, seed + 1) {
  trust_until_ = sent + ttl - margin();
  next_ = sent + rhythm() * 4 / 15 + jitter_.next();
}

milliseconds LeaseMachine::rhythm() const noexcept {
  return std::min(ttl_, pace_);
}

// For the clocks' drift against each other and for our own being late: a twentieth,
// between 100 ms and a second.
std::chrono::nanoseconds LeaseMachine::margin() const noexcept {
  return std::clamp<std::chrono::nanoseconds>(std::chrono::nanoseconds(ttl_) / 20, milliseconds(100),
                                              std::chrono::seconds(1));
}

void LeaseMachine::answered(std::chrono::seconds ttl, TimePoint now) {
  const TimePoint sent = under_way_.value_or(now);
  under_way_.reset();
  failures_ = 0;
  retry_.reset();
  if (ttl.count() <= 0) {
    ended_ = true;
    return;
  }
  ttl_ = ttl;
  trust_until_ = std::max(trust_until_, sent + ttl - margin());
  next_ = sent + rhythm() * 4 / 15 + jitter_.next();
}

bool LeaseMachine::stale(TimePoint now) const noexcept {
  return !under_way_ && !ended_ && now + std::chrono::milliseconds(ttl_) * 9 / 10 > trust_until_ + margin();
}

void LeaseMachine::failed(TimePoint now) {
  under_way_.reset();
  ++failures_;
  next_ = now + retry_.next();
}

milliseconds LeaseMachine::patience(TimePoint now) const noexcept {
  const milliseconds growing = std::max(kFirstPatience, rhythm() / 6 * (1 << std::min(failures_, kMaxDoublings)));
  if (!trusted(now)) return growing;
  const auto left = std::chrono::duration_cast<milliseconds>(trust_until_ - now);
  return std::clamp(left / 3, kMinPatience, growing);
}

TimePoint LeaseMachine::wake(TimePoint now) const noexcept {
  if (ended_) return TimePoint::max();
  const TimePoint renewal = under_way_ ? TimePoint::max() : next_;
  return now < trust_until_ ? std::min(renewal, trust_until_) : renewal;
}

}  // namespace idetcd::internal
