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

  // True: send a keep-alive now, and tell sent(). One that is not answered within a part of
  // the time is followed by another, while its answer still counts.
  bool due(TimePoint now) const noexcept { return now >= next_ && unanswered_ < kMaxUnanswered; }
  // Worth renewing before something that may take `ahead`: less would be left then than a
  // quarter of the time. But not if nine tenths are left now.
  bool stale(TimePoint now, std::chrono::milliseconds ahead) const noexcept;
  void sent(TimePoint now) noexcept;

  // What became of the one sent at `sent`. `left`: of `ttl`, as KeepAliveReply has it.
  void answered(TimePoint sent, std::chrono::seconds ttl, std::optional<std::chrono::seconds> left = {});
  void failed(TimePoint sent, TimePoint now);

  bool trusted(TimePoint now) const noexcept { return !ended_ && now < trust_until_; }
  bool ended() const noexcept { return ended_; }  // etcd said that the lease is gone
  TimePoint trust_until() const noexcept { return trust_until_; }
  std::chrono::seconds ttl() const noexcept { return ttl_; }

  // For how long the answer to a keep-alive is worth waiting for: as long as it would
  // extend trust. Asking at other members does not wait for that.
  std::chrono::milliseconds patience() const noexcept;

  // When due() or trusted() may change by themselves.
  TimePoint wake(TimePoint now) const noexcept;

 private:
  std::chrono::nanoseconds margin() const noexcept;
  std::chrono::milliseconds rhythm() const noexcept;

  std::chrono::milliseconds interval() noexcept;                 // between keep-alives while all is well
  std::chrono::milliseconds pace(TimePoint now) const noexcept;  // between those that are not answered

  static constexpr int kMaxUnanswered = 32;

  std::chrono::seconds ttl_;
  const std::chrono::seconds pace_;
  TimePoint trust_until_;
  TimePoint next_;  // when the next keep-alive is due
  TimePoint last_sent_;
  TimePoint confirmed_;  // when the newest one that was answered was sent
  int unanswered_ = 0;
  Backoff retry_;  // after what failed at once, and once trust has ended
  Backoff jitter_;
  bool ended_ = false;
};

}  // namespace idetcd::internal
