// LeaseMachine: when to ask for a lease's renewal, and until when it can be trusted.
// Pure: times and answers in, decisions out.
//
// Trust ends at the moment the last answered request was *sent* + the granted time
// to live - a margin: etcd counts from when it received the request, which is later,
// so it can not expire the lease before we stopped trusting it.
#pragma once

#include "base/backoff.h"
#include "base/clock.h"

#include <chrono>
#include <cstdint>
#include <optional>

namespace idetcd::internal {

class LeaseMachine {
 public:
  // Granted (or renewed) with `ttl` by a request sent at `sent`. Renewed as often as a
  // lease of `pace` would be, if that is shorter.
  LeaseMachine(std::chrono::seconds ttl, TimePoint sent, std::uint64_t seed,
               std::chrono::seconds pace = std::chrono::seconds::max());

  // True: send a keep-alive now, and tell sent(). At most one is under way.
  bool due(TimePoint now) const noexcept { return !under_way_ && now >= next_; }
  // Worth renewing before something that may take long: a tenth of the time has passed.
  bool stale(TimePoint now) const noexcept;
  void sent(TimePoint now) noexcept { under_way_ = now; }

  // What became of the one under way. An answer that comes after an error was
  // reported for its request is simply not given to us.
  void answered(std::chrono::seconds ttl, TimePoint now);  // ttl 0: ended() from now on
  void failed(TimePoint now);

  bool trusted(TimePoint now) const noexcept { return !ended_ && now < trust_until_; }
  bool ended() const noexcept { return ended_; }  // etcd said that the lease is gone
  TimePoint trust_until() const noexcept { return trust_until_; }
  std::chrono::seconds ttl() const noexcept { return ttl_; }

  // For how long to wait for an answer to a keep-alive sent at `now`: a sixth of the time
  // at first, so that a member that hangs is left early; twice and four times that after
  // failures, for it may be an etcd that has more to do than it can, and asking anew only
  // adds to that. But while the lease is trusted no more than a third of what is left of
  // that: one member without a leader must not use up the time in which another could answer.
  std::chrono::milliseconds patience(TimePoint now) const noexcept;

  // When due() or trusted() may change by themselves.
  TimePoint wake(TimePoint now) const noexcept;

 private:
  std::chrono::nanoseconds margin() const noexcept;
  std::chrono::milliseconds rhythm() const noexcept;

  std::chrono::seconds ttl_;
  const std::chrono::seconds pace_;
  TimePoint trust_until_;
  TimePoint next_;                      // when the next keep-alive is due
  std::optional<TimePoint> under_way_;  // when the unanswered one was sent
  int failures_ = 0;                    // since the last answer
  Backoff retry_;
  Backoff jitter_;
  bool ended_ = false;
};

}  // namespace idetcd::internal
