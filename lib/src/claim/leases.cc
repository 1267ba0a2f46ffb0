#include "claim/leases.h"

#include "base/backoff.h"

#include <algorithm>

namespace idetcd::internal {

std::unique_ptr<Watch> watch_into(Etcd& etcd, const WatchRequest& request, std::shared_ptr<ClaimMailbox> mailbox,
                                  std::uint64_t number) {
  return etcd.watch(request, [mailbox = std::move(mailbox), number](Result<WatchBatch> batch) {
    const bool ended = !batch;
    NumberedBatch numbered{number, std::move(batch)};
    if (ended) {
      mailbox->push(std::move(numbered));
    } else {
      mailbox->push_or_drop(std::move(numbered));
    }
  });
}

KeptLease::KeptLease(Etcd& etcd, const Clock& clock, std::shared_ptr<ClaimMailbox> mailbox, LeaseId id,
                     std::chrono::seconds ttl, TimePoint sent, std::chrono::seconds pace)
    : etcd_(&etcd), clock_(&clock), mailbox_(std::move(mailbox)), id_(id), machine_(ttl, sent, random_seed(), pace) {}

void KeptLease::send_due() {
  const TimePoint now = clock_->now();
  if (machine_.due(now)) send(now);
}

void KeptLease::renew_before(std::chrono::milliseconds wait) {
  const TimePoint now = clock_->now();
  if (machine_.stale(now, wait)) send(now);
}

void KeptLease::send(TimePoint now) {
  machine_.sent(now);
  unanswered_.emplace(++request_, now);
  etcd_->lease_keep_alive(id_, machine_.patience(),
                          [mailbox = mailbox_, id = id_, request = request_](Result<KeepAliveReply> reply) {
                            mailbox->push(KeepAliveAnswer{id, request, std::move(reply)});
                          });
}

bool KeptLease::on_reply(const KeepAliveAnswer& answer) {
  if (answer.lease != id_) return false;
  const auto request = unanswered_.find(answer.request);
  if (request == unanswered_.end()) return false;
  const TimePoint sent = request->second;
  unanswered_.erase(request);
  if (answer.reply) {
    machine_.answered(sent, answer.reply->ttl, answer.reply->left);
  } else {
    machine_.failed(sent, clock_->now());
  }
  return true;
}

void LeasePair::send_due() {
  if (session) session->send_due();
  if (grace) grace->send_due();
}

TimePoint LeasePair::wake(TimePoint now) const {
  TimePoint wake = TimePoint::max();
  if (session) wake = std::min(wake, session->machine().wake(now));
  if (grace) wake = std::min(wake, grace->machine().wake(now));
  return wake;
}

std::vector<NumberedBatch> LeasePair::wait(ClaimMailbox& mailbox, const Clock& clock, TimePoint until,
                                           const std::stop_token& stop, const OnReply& on_session_reply) {
  send_due();
  std::vector<NumberedBatch> all;
  for (ClaimEvent& event : mailbox.take(std::min(until, wake(clock.now())), stop)) {
    if (auto* batch = std::get_if<NumberedBatch>(&event)) {
      all.push_back(std::move(*batch));
    } else if (const auto* answer = std::get_if<KeepAliveAnswer>(&event)) {
      if (grace && grace->on_reply(*answer)) continue;
      if (session && session->on_reply(*answer) && on_session_reply) on_session_reply(*answer);
    }
  }
  return all;
}

Result<Renewal> renew_now(Etcd& etcd, const Clock& clock, LeaseId id, const CallOptions& options) {
  auto answers = std::make_shared<Mailbox<Result<KeepAliveReply>>>(clock);
  const TimePoint sent = clock.now();
  etcd.lease_keep_alive(id, options.timeout,
                        [answers](Result<KeepAliveReply> reply) { answers->push(std::move(reply)); });
  auto got = answers->take(sent + options.timeout, options.stop);
  if (got.empty()) {
    if (options.stop.stop_requested()) return Error{ErrorCode::kCancelled, "renewing a lease was cancelled"};
    return Error{ErrorCode::kDeadlineExceeded, "etcd did not answer a lease keep-alive in time"};
  }
  if (!got.front()) return std::move(got.front()).error();
  const KeepAliveReply& reply = *got.front();
  return Renewal{sent - (reply.ttl - reply.left.value_or(reply.ttl)), reply.ttl};
}

}  // namespace idetcd::internal
