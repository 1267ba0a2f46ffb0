#include "claim/claim_calls.h"

#include <fmt/format.h>

#include <algorithm>

namespace idetcd::internal {
namespace {

using namespace std::chrono_literals;

constexpr auto kFirstPause = 20ms;
constexpr auto kMaxPause = 600ms;  // who is cut off should come back soon after the cut
constexpr auto kSlow = 1s;
constexpr auto kFirstOverloadPause = 1000ms;
constexpr auto kMaxOverloadPause = 20000ms;
constexpr std::chrono::milliseconds kMaxPatience = 60s;

LeaseId new_lease_id() {
  return static_cast<LeaseId>(random_seed() >> 1) | 1;
}

}  // namespace

ClaimCalls::ClaimCalls(std::shared_ptr<Etcd> etcd, const Clock& clock, LogSink log, std::chrono::seconds ttl,
                       std::stop_token stop)
    : etcd_(std::move(etcd)),
      clock_(&clock),
      log_(std::move(log)),
      ttl_(ttl),
      stop_(std::move(stop)),
      mailbox_(std::make_shared<ClaimMailbox>(clock)),
      backoff_(kFirstPause, kMaxPause, random_seed()),
      overload_(kFirstOverloadPause, kMaxOverloadPause, random_seed()),
      patience_(std::min<std::chrono::milliseconds>(std::chrono::milliseconds(ttl) / 2, 10s)) {}

Status ClaimCalls::grant() {
  if (leases_.session) (void)etcd_->lease_revoke(leases_.session->id(), options());  // its ticket must not stay
  auto lease = grant_one(new_lease_id(), ttl_, IfThere::kTryAnotherId, ttl_);
  if (!lease) return std::move(lease).error();
  leases_.session.emplace(std::move(*lease));
  return {};
}

Status ClaimCalls::grant_grace(LeaseId id, std::chrono::seconds ttl) {
  // Renewed together with the session: the time that is left of it when this process
  // dies should not depend on when that is.
  auto grace = grant_one(id, ttl, IfThere::kOurs, ttl_);
  if (!grace) return std::move(grace).error();
  leases_.grace.emplace(std::move(*grace));
  return {};
}

Result<ClaimCalls::Adoption> ClaimCalls::adopt(LeaseId id) {
  auto renewal = retry("resuming the lease", [&] { return renew_now(*etcd_, *clock_, id, options()); });
  if (!renewal) return std::move(renewal).error();
  if (renewal->ttl.count() <= 0) return Adoption::kEnded;
  leases_.session.emplace(*etcd_, *clock_, mailbox_, id, renewal->ttl, renewal->sent);
  return Adoption::kAlive;
}

// The id is ours, so that a grant whose answer was lost is recognised.
Result<KeptLease> ClaimCalls::grant_one(LeaseId id, std::chrono::seconds ttl, IfThere if_there,
                                        std::chrono::seconds pace) {
  for (;;) {
    TimePoint sent{};
    auto grant = retry("granting a lease", [&] {
      sent = clock_->now();
      auto reply = etcd_->lease_grant(id, ttl, options());
      if (!reply && is_transient(reply.error().code)) if_there = IfThere::kOurs;
      return reply;
    });
    if (grant) return KeptLease(*etcd_, *clock_, mailbox_, id, grant->ttl, sent, pace);
    if (grant.error().code != ErrorCode::kAlreadyExists) return std::move(grant).error();
    if (if_there == IfThere::kTryAnotherId) {
      id = new_lease_id();
      continue;
    }
    auto renewal = retry("renewing a lease", [&] { return renew_now(*etcd_, *clock_, id, options()); });
    if (!renewal) return std::move(renewal).error();
    // Ended between the two calls: grant it again.
    if (renewal->ttl.count() > 0) {
      return KeptLease(*etcd_, *clock_, mailbox_, id, renewal->ttl, renewal->sent, pace);
    }
  }
}

// As long as the lease allows, since nobody renews it while we are blocked. A storm's
// answers take long, and asking again too early would only feed it.
CallOptions ClaimCalls::options() {
  (void)wait_for_batches(clock_->now());
  const auto timeout = std::min(std::chrono::milliseconds(ttl_) * 9 / 10, patience_);
  if (leases_.session) leases_.session->renew_before(timeout);
  called_at_ = clock_->now();
  return {.timeout = timeout, .stop = stop_};
}

Status ClaimCalls::pause(std::string_view what, const Error& error) {
  if (error.code == ErrorCode::kDeadlineExceeded) patience_ = std::min(2 * patience_, kMaxPatience);
  if (!std::exchange(away_, true)) {
    log(LogLevel::kWarning, fmt::format("{}: {}; trying again until it works", what, error.message));
  }
  // A call that was on its way for so long did not fail for want of a connection.
  const bool overload = error.code == ErrorCode::kDeadlineExceeded && clock_->now() - called_at_ >= kSlow;
  return wait(overload ? overload_.next() : backoff_.next());
}

void ClaimCalls::answered() {
  latency_ = std::chrono::duration_cast<std::chrono::milliseconds>(clock_->now() - called_at_);
  backoff_.reset();
  overload_.reset();
  if (std::exchange(away_, false)) log(LogLevel::kInfo, "etcd answers again");
}

Status ClaimCalls::pause() {
  return wait(backoff_.next());
}

Status ClaimCalls::wait(std::chrono::nanoseconds time) {
  const TimePoint until = clock_->now() + time;
  while (clock_->now() < until) {
    if (stopped()) return cancelled();
    (void)wait_for_batches(until);
  }
  return {};
}

std::vector<NumberedBatch> ClaimCalls::wait_for_batches(TimePoint until) {
  return leases_.wait(*mailbox_, *clock_, until, stop_);
}

Error ClaimCalls::cancelled() const {
  return Error{ErrorCode::kCancelled, "claiming was cancelled"};
}

void ClaimCalls::log(LogLevel level, const std::string& message) const {
  if (log_) log_(level, message);
}

}  // namespace idetcd::internal
