// Registration: a claim that is kept for as long as the process wants one.
//
// It claims, holds, notices loss, and claims again: the loop that the daemon, the
// command line tool and a worker all need, written once. The words (slot, lease,
// token, ...) are explained at the top of slot_claimer.h.
#pragma once

#include <idetcd/export.h>
#include <idetcd/slot_claimer.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace idetcd {
namespace internal {
class RegistrationRun;
}

// What to do when the claim is lost for good.
enum class OnLost {
  kReclaim,  // claim again, under the same node id: the own slot first, else any
  kStop,     // end the registration
};

// What a claim is; a plain value.
struct Ownership {
  SlotId slot = 0;
  std::string name;  // with the trailing dot
  std::string node_id;
  Revision token = 0;
  LeaseId lease = 0;
  std::chrono::seconds ttl{0};  // as granted
};

// All callbacks, claim.on_position too, run on the registration's one thread, one at a
// time; in the order claimed, lost, claimed, lost, ..., ended. Each may be empty.
//
// A callback may call every member of any Registration or Claim, its own included, and
// may destroy it: release() and the destructor then do not wait for the callback that
// calls them, no other callback follows, and this object and its callbacks live until
// that one returns. A callback that blocks delays the next one and the writing of
// records, not the lease. What it throws is logged and goes no further.
struct RegistrationOptions {
  ClaimOptions claim{};
  OnLost on_lost_do = OnLost::kReclaim;

  std::function<void(const Ownership&)> on_claimed{};      // owned now; also when regained with the same token
  std::function<void(std::string_view reason)> on_lost{};  // not owned any more: stop acting as the owner
  std::function<void(const Error&)> on_ended{};            // for good: kFull, kDuplicateNode, kDenied, kLost ...
};

// Owns one thread, and another while it holds a slot. Move-only. Any member but move
// and destruction may be called from any thread. In a forked child it is never held,
// and its destructor leaves the slot alone. Moved from, it may be destroyed and
// assigned to; it is not held, and update() and release() return kLost.
class IDETCD_EXPORT Registration {
 public:
  // Starts to claim and returns at once: what etcd has to say comes by the callbacks,
  // the first of which may run before this returns. `etcd` is shared and kept.
  // kInvalidArgument: the record or an option is wrong. kExhausted: no thread.
  static Result<Registration> start(std::shared_ptr<Etcd> etcd, PatternTemplate pattern, RegistrationOptions options,
                                    Record record);

  Registration(Registration&&) noexcept;
  Registration& operator=(Registration&&) noexcept;  // what it was is destroyed, as below
  // As release(), without its answer, and bounded by 2 s. Waits, beyond that, for a
  // callback that runs on the registration's thread; when it returns, none will run.
  ~Registration();

  // Never wrongly true, as Claim::held().
  bool held() const noexcept;

  // What is held at this moment; empty when nothing is.
  std::optional<Ownership> ownership() const;

  // Sets the record of the present claim and of every later one. The registration's
  // thread writes it, trying again until it is written. Blocks, at most 5 s.
  // OK: this record or a newer one is in etcd; or nothing is held at this moment, and
  //   it will be written when something is (with the next claim, or when this one
  //   proves to have lived). From a callback: it will be written after the callback.
  // kInvalidArgument: the record is wrong; the former one stays.
  // kLost: the registration has ended or was released; there will be no more claim.
  // kDeadlineExceeded: not written yet; there is no need to call again.
  // Any other: etcd refuses it, and the message says why; it is tried again, seldom.
  Status update(const Record& record);

  // Ends it: no more callbacks, and the name is gone from etcd when this returns OK.
  // After an Error the name stays until its lease ends, or until another call returns
  // OK. Blocks, at most 5 s and until a running callback has returned. Once it has
  // returned OK, a call does nothing.
  Status release();

  // Ends it, but the name stays in etcd until its lease ends: for a process that is replaced
  // at once by another one with the same node id, which takes the name up again (ClaimOptions::state_dir). No
  // more callbacks. Blocks until a running callback has returned; asks etcd nothing.
  void leave();

 private:
  explicit Registration(std::shared_ptr<internal::RegistrationRun> impl);
  void end() noexcept;
  std::shared_ptr<internal::RegistrationRun> impl_;
};

}  // namespace idetcd
