// The thread shells' side of leases: granting one, and keeping one alive through a
// mailbox. All decisions are LeaseMachine's.
#pragma once

#include "base/clock.h"
#include "base/mailbox.h"
#include "machine/lease_machine.h"

#include <idetcd/etcd.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <variant>

namespace idetcd::internal {

struct KeepAliveAnswer {
  LeaseId lease;
  std::uint64_t request;
  Result<KeepAliveReply> reply;
};

struct WatchNews {
  std::uint64_t watch;  // which of the owner's watches, each opening a new number
  Result<WatchBatch> batch;
};

struct Nudge {};  // look at the state again

using ClaimEvent = std::variant<KeepAliveAnswer, WatchNews, Nudge>;
using ClaimMailbox = Mailbox<ClaimEvent>;

// One lease kept alive by whoever owns the mailbox: call pump() at wake() and hand
// it the answers. One thread.
class KeptLease {
 public:
  // `pace`: as LeaseMachine has it.
  KeptLease(Etcd& etcd, const Clock& clock, std::shared_ptr<ClaimMailbox> mailbox, LeaseId id, std::chrono::seconds ttl,
            TimePoint sent, std::chrono::seconds pace = std::chrono::seconds::max());

  LeaseId id() const noexcept { return id_; }
  const LeaseMachine& machine() const noexcept { return machine_; }
  std::uint64_t last_request() const noexcept { return request_; }  // number of the keep-alive sent last

  void pump();                               // sends a keep-alive if one is due
  void renew();                              // sends one if a tenth of the time has passed, for a long wait ahead
  bool take(const KeepAliveAnswer& answer);  // false: not for this lease, or late

 private:
  void send(TimePoint now);

  Etcd* etcd_;
  const Clock* clock_;
  std::shared_ptr<ClaimMailbox> mailbox_;
  LeaseId id_;
  LeaseMachine machine_;
  std::uint64_t request_ = 0;
};

// One keep-alive, waited for. The request's sending time is what trust counts from.
struct Renewal {
  TimePoint sent;
  std::chrono::seconds ttl{0};  // 0: there is no such lease
};
Result<Renewal> renew_now(Etcd& etcd, const Clock& clock, LeaseId id, const CallOptions& options);

}  // namespace idetcd::internal
