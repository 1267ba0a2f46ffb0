// The thread shells' side of leases: keeping one alive through a mailbox, or renewing one
// at once. All decisions are LeaseMachine's.
#pragma once

#include "base/clock.h"
#include "base/mailbox.h"
#include "machine/lease_machine.h"

#include <idetcd/etcd.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <variant>
#include <vector>

namespace idetcd::internal {

struct KeepAliveAnswer {
  LeaseId lease;
  std::uint64_t request;
  Result<KeepAliveReply> reply;
};

struct NumberedBatch {
  std::uint64_t watch;  // which of the owner's watches, each opening a new number
  Result<WatchBatch> batch;
};

using ClaimEvent = std::variant<KeepAliveAnswer, NumberedBatch>;
using ClaimMailbox = Mailbox<ClaimEvent>;

// A watch whose batches go to the mailbox under `number`. Those may be dropped there, its
// end may not.
std::unique_ptr<Watch> watch_into(Etcd& etcd, const WatchRequest& request, std::shared_ptr<ClaimMailbox> mailbox,
                                  std::uint64_t number);

// One lease kept alive by whoever owns the mailbox: call send_due() at wake() and hand
// it the answers. One thread.
class KeptLease {
 public:
  // `pace`: as LeaseMachine has it.
  KeptLease(Etcd& etcd, const Clock& clock, std::shared_ptr<ClaimMailbox> mailbox, LeaseId id, std::chrono::seconds ttl,
            TimePoint sent, std::chrono::seconds pace = std::chrono::seconds::max());

  LeaseId id() const noexcept { return id_; }
  const LeaseMachine& machine() const noexcept { return machine_; }
  std::uint64_t last_request() const noexcept { return request_; }  // number of the keep-alive sent last

  void send_due();                                    // sends a keep-alive if one is due
  void renew_before(std::chrono::milliseconds wait);  // sends one if the lease is stale for that
  bool on_reply(const KeepAliveAnswer& answer);       // false: not for this lease

 private:
  void send(TimePoint now);

  Etcd* etcd_;
  const Clock* clock_;
  std::shared_ptr<ClaimMailbox> mailbox_;
  LeaseId id_;
  LeaseMachine machine_;
  std::uint64_t request_ = 0;
  std::map<std::uint64_t, TimePoint> unanswered_;  // when each was sent
};

// A claim's leases and the event loop around them. One thread.
struct LeasePair {
  std::optional<KeptLease> session;
  std::optional<KeptLease> grace;  // of a sticky claim

  void send_due();
  TimePoint wake(TimePoint now) const;  // when one of them has work, if nothing comes before

  // Sends what is due, then waits for mail, the leases' next work, `until` or `stop`.
  // Returns what the watches delivered; `on_session_reply`, which may be empty, gets the
  // session lease's answers after the lease has.
  using OnReply = std::function<void(const KeepAliveAnswer&)>;
  std::vector<NumberedBatch> wait(ClaimMailbox& mailbox, const Clock& clock, TimePoint until,
                                  const std::stop_token& stop, const OnReply& on_session_reply = {});
};

// One keep-alive, waited for. The request's sending time is what trust counts from.
struct Renewal {
  TimePoint sent;               // earlier than it was by as much as less than `ttl` is left
  std::chrono::seconds ttl{0};  // 0: there is no such lease
};
Result<Renewal> renew_now(Etcd& etcd, const Clock& clock, LeaseId id, const CallOptions& options);

}  // namespace idetcd::internal
