// ClaimCalls: the calls to etcd that one claim() makes, how often and how long each is
// tried while etcd is away, and the leases that are kept alive between them. One thread.
#pragma once

#include "base/backoff.h"
#include "base/transient.h"
#include "claim/leases.h"

#include <idetcd/etcd.h>
#include <idetcd/log.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace idetcd::internal {

class ClaimCalls {
 public:
  enum class Adoption { kAlive, kEnded };  // of a former run's lease

  // `ttl` is what the leases will be granted with; calls are as patient as it allows.
  ClaimCalls(std::shared_ptr<Etcd> etcd, const Clock& clock, LogSink log, std::chrono::seconds ttl,
             std::stop_token stop);

  Etcd& etcd() const noexcept { return *etcd_; }
  const Clock& clock() const noexcept { return *clock_; }
  const std::shared_ptr<ClaimMailbox>& mailbox() const noexcept { return mailbox_; }

  // The leases; empty until granted or adopted.
  LeasePair& leases() noexcept { return leases_; }
  const LeasePair& leases() const noexcept { return leases_; }

  Status grant();  // a new session lease, in the place of the old one, which is revoked
  Status grant_grace(LeaseId id, std::chrono::seconds ttl);  // or the one of that id that is there
  Result<Adoption> adopt(LeaseId id);
  bool lease_ended() const noexcept { return !leases_.session || leases_.session->machine().ended(); }

  // Repeats a call that failed for a passing reason, until it works, or fails for
  // good, or is stopped (kCancelled). Logs once that etcd is away, and that `what` waits.
  template <class Call>
  auto retry(std::string_view what, Call make_call) -> decltype(make_call());

  // For one try of a call. Renews the leases first: they are not while we are blocked.
  CallOptions options();
  Status pause(std::string_view what, const Error& error);                 // after it failed
  void answered();                                                         // after it did not
  std::chrono::milliseconds latency() const noexcept { return latency_; }  // of the last call that was answered

  // Waits for a little, or for `time`, keeping the leases alive. kCancelled: stopped.
  Status pause();
  Status wait(std::chrono::nanoseconds time);

  // For watch_into(): no two watches of this claim have the same.
  std::uint64_t next_watch_number() noexcept { return next_watch_++; }

  // What the watches delivered; waits for it until `until` at most, keeping the leases alive.
  std::vector<NumberedBatch> wait_for_batches(TimePoint until);

  bool stopped() const noexcept { return stop_.stop_requested(); }
  Error cancelled() const;
  const LogSink& log_sink() const noexcept { return log_; }
  void log(LogLevel level, const std::string& message) const;

 private:
  enum class IfThere { kOurs, kTryAnotherId };
  Result<KeptLease> grant_one(LeaseId id, std::chrono::seconds ttl, IfThere if_there, std::chrono::seconds pace);

  const std::shared_ptr<Etcd> etcd_;
  const Clock* const clock_;
  const LogSink log_;
  const std::chrono::seconds ttl_;
  const std::stop_token stop_;
  const std::shared_ptr<ClaimMailbox> mailbox_;
  LeasePair leases_;
  Backoff backoff_;
  Backoff overload_;  // after a call that had no answer in time: etcd has more to do than it can
  std::uint64_t next_watch_ = 1;
  TimePoint called_at_{};
  std::chrono::milliseconds latency_{0};
  std::chrono::milliseconds patience_;  // with one call
  bool away_ = false;                   // it was logged that etcd is away
};

template <class Call>
auto ClaimCalls::retry(std::string_view what, Call make_call) -> decltype(make_call()) {
  for (;;) {
    auto reply = make_call();
    if (reply) {
      answered();
      return reply;
    }
    if (stopped()) return cancelled();
    if (!is_transient(reply.error().code)) return reply;
    if (auto waited = pause(what, reply.error()); !waited) return std::move(waited).error();
  }
}

}  // namespace idetcd::internal
