#include "machine/lease_machine.h"

#include <algorithm>

namespace idetcd::internal {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstRetry{100};
constexpr milliseconds kMinPatience{1000};
constexpr milliseconds kMinPace{150};
constexpr std::chrono::seconds kShort{10};  // a time to live below which a lost second counts

milliseconds most_retry(milliseconds rhythm) {
  return std::max(kFirstRetry, rhythm / 6);
}

}  // namespace

LeaseMachine::LeaseMachine(std::chrono::seconds ttl, TimePoint sent, std::uint64_t seed, std::chrono::seconds pace)
    : ttl_(ttl),
      pace_(pace),
      last_sent_(sent),
      confirmed_(sent),
      retry_(kFirstRetry, most_retry(rhythm()), seed),
      jitter_(rhythm() / 15, rhythm() / 15, seed + 1) {
  trust_until_ = sent + ttl - margin();
  next_ = sent + interval();
}

// A third of the time to live at most and no less than a fourth and a bit, or where it is
// short, a fourth and a sixth and a bit: a thousand leases granted together are not renewed
// in step for ever.
milliseconds LeaseMachine::interval() noexcept {
  return rhythm() * (rhythm() > kShort ? 16 : 11) / 60 + jitter_.next();
}

// A twelfth of the time; less when little trust is left, for the next answer may be the one
// that saves it.
milliseconds LeaseMachine::pace(TimePoint now) const noexcept {
  const milliseconds calm = std::max(kMinPace, rhythm() / 12);
  if (!trusted(now)) return calm;
  return std::clamp(std::chrono::duration_cast<milliseconds>(trust_until_ - now) / 4, kMinPace, calm);
}

milliseconds LeaseMachine::rhythm() const noexcept {
  return std::min(ttl_, pace_);
}

// For our own being late: a twentieth of the time, between 100 and 400 ms. For the clocks'
// drift against each other: 500 parts in a million, which is more only above 800 s.
std::chrono::nanoseconds LeaseMachine::margin() const noexcept {
  const std::chrono::nanoseconds ttl = ttl_;
  return std::max(std::clamp<std::chrono::nanoseconds>(ttl / 20, milliseconds(100), milliseconds(400)), ttl / 2000);
}

void LeaseMachine::sent(TimePoint now) noexcept {
  ++unanswered_;
  last_sent_ = now;
  next_ = now + (trusted(now) ? pace(now) : std::max(pace(now), milliseconds(retry_.next())));
}

void LeaseMachine::answered(TimePoint sent, std::chrono::seconds ttl, std::optional<std::chrono::seconds> left) {
  if (unanswered_ > 0) --unanswered_;
  retry_.reset();
  if (ttl.count() <= 0) {
    ended_ = true;
    return;
  }
  ttl_ = ttl;
  confirmed_ = std::max(confirmed_, sent);
  trust_until_ = std::max(trust_until_, sent + left.value_or(ttl) - margin());
  // A late answer to an old request proves little: the next one is due as if it were missing.
  next_ = std::max(confirmed_ + interval(), last_sent_ + kMinPace);
}

bool LeaseMachine::stale(TimePoint now, milliseconds ahead) const noexcept {
  const milliseconds ttl = ttl_;
  return unanswered_ == 0 && !ended_ && now + std::min(ahead + ttl / 4, ttl * 9 / 10) > trust_until_ + margin();
}

void LeaseMachine::failed(TimePoint sent, TimePoint now) {
  if (unanswered_ > 0) --unanswered_;
  if (sent < confirmed_) return;  // a newer one was answered: nothing is amiss
  const auto soon = now + retry_.next();
  next_ = trusted(now) ? std::min(soon, std::max(now, last_sent_ + pace(now))) : soon;
}

milliseconds LeaseMachine::patience() const noexcept {
  return std::max<milliseconds>(kMinPatience, std::chrono::duration_cast<milliseconds>(rhythm() - margin()));
}

TimePoint LeaseMachine::wake(TimePoint now) const noexcept {
  if (ended_) return TimePoint::max();
  const TimePoint renewal = unanswered_ < kMaxUnanswered ? next_ : TimePoint::max();
  return now < trust_until_ ? std::min(renewal, trust_until_) : renewal;
}

}  // namespace idetcd::internal
