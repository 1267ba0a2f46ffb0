#include "claim/leases.h"

#include "base/backoff.h"

namespace idetcd::internal {

KeptLease::KeptLease(Etcd& etcd, const Clock& clock, std::shared_ptr<ClaimMailbox> mailbox, LeaseId id,
                     std::chrono::seconds ttl, TimePoint sent, std::chrono::seconds pace)
    : etcd_(&etcd), clock_(&clock), mailbox_(std::move(mailbox)), id_(id), machine_(ttl, sent, random_seed(), pace) {}

void KeptLease::pump() {
  const TimePoint now = clock_->now();
  if (machine_.due(now)) send(now);
}

void KeptLease::renew() {
  const TimePoint now = clock_->now();
  if (machine_.stale(now)) send(now);
}

void KeptLease::send(TimePoint now) {
  machine_.sent(now);
  etcd_->lease_keep_alive(id_, machine_.patience(now),
                          [mailbox = mailbox_, id = id_, request = ++request_](Result<KeepAliveReply> reply) {
                            mailbox->push(KeepAliveAnswer{id, request, std::move(reply)});
                          });
}

bool KeptLease::take(const KeepAliveAnswer& answer) {
  if (answer.lease != id_ || answer.request != request_) return false;
  if (answer.reply) {
    machine_.answered(answer.reply->ttl, clock_->now());
  } else {
    machine_.failed(clock_->now());
  }
  return true;
}

Result<Renewal> renew_now(Etcd& etcd, const Clock& clock, LeaseId id, const CallOptions& options) {
  auto answers = std::make_shared<Mailbox<Result<KeepAliveReply>>>(1);
  const TimePoint sent = clock.now();
  etcd.lease_keep_alive(id, options.timeout,
                        [answers](Result<KeepAliveReply> reply) { answers->push(std::move(reply)); });
  auto got = answers->take(options.timeout, options.stop);
  if (got.empty()) {
    if (options.stop.stop_requested()) return Error{ErrorCode::kCancelled, "renewing a lease was cancelled"};
    return Error{ErrorCode::kDeadlineExceeded, "etcd did not answer a lease keep-alive in time"};
  }
  if (!got.front()) return std::move(got.front()).error();
  return Renewal{sent, got.front()->ttl};
}

}  // namespace idetcd::internal
