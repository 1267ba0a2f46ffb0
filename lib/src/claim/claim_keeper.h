// ClaimKeeper: the thread that keeps a slot, for a Claim or a Registration. It keeps the
// leases alive, watches its own record, and evaluates whether the slot is still ours.
//
// Other people's code runs on that thread: what waits for lost(), and the log sink. It
// may release the keeper or drop the last pointer to it; the thread holds one itself.
#pragma once

#include "base/worker_thread.h"
#include "claim/held_slot.h"

#include <idetcd/record.h>

#include <sys/types.h>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

namespace idetcd::internal {

class ClaimKeeper {
 public:
  enum class Phase {
    kHeld,     // ours
    kSuspect,  // trust has ended, but the lease may prove to have lived
    kLost,     // for good
  };

  // kExhausted: there is no thread to keep the slot with; it was given back.
  // `on_change` is called after each change of phase, on the thread that made it: the
  // keeper's, or one in release(). It may be empty.
  static Result<std::shared_ptr<ClaimKeeper>> start(HeldSlot slot, std::function<void()> on_change = {});

  // Constant after construction.
  const HeldSlot& slot() const noexcept { return slot_; }
  LeaseId lease() const noexcept { return lease_; }

  bool forked() const noexcept;  // we are in a forked child: not the owner
  bool held() const noexcept;
  std::chrono::nanoseconds trusted_until() const noexcept;  // since the clock's zero; 0: not held
  Phase phase() const;
  std::stop_token lost() const;
  std::string loss_reason() const;
  std::chrono::seconds ttl() const noexcept { return std::chrono::seconds(ttl_.load(std::memory_order_relaxed)); }

  // Blocks until the record is written, at most 5 s. kLost: the claim is not ours now.
  Status update(Record record, const std::stop_token& stop = {});

  // Fences, ends the thread and waits for its end (unless this is that thread), then
  // revokes the lease: a transient error is tried again until `until` or `stop`. OK also when that was done
  // before; after an Error the next call tries again. In a forked child it does nothing.
  Status release(TimePoint until, const std::stop_token& stop = {});

  // As release(), but leaves lease, record and state file for a successor with the same node id.
  void leave();

 private:
  ClaimKeeper(HeldSlot slot, std::function<void()> on_change);

  void run(const std::stop_token& stop);
  void on_reply(const KeepAliveAnswer& answer);
  void on_batch(const NumberedBatch& numbered);
  void on_own_record(const Event& event);
  void open_watch();
  void evaluate();                             // whether trust has run out or the lease has ended
  void verify(const std::stop_token& stop);    // asks etcd whether node entry and record are still ours
  void end_plan(const std::stop_token& stop);  // if nobody uses it any more
  void set_held();
  void set_suspect(const std::string& reason);
  void set_lost(const std::string& reason);
  bool change(Phase phase, std::string reason);
  void log_change(Phase phase, const std::string& reason) const;
  Status revoke(TimePoint until, const std::stop_token& stop);
  Txn if_still_ours() const;
  TimePoint next_work() const;

  HeldSlot slot_;
  const LeaseId lease_;
  const std::string record_key_;
  const pid_t pid_;
  const std::uint64_t last_foreign_request_;  // keep-alives up to here were sent before the claim
  const std::function<void()> on_change_;

  std::atomic<TimePoint::rep> trust_until_{0};  // since the clock's zero; 0: not held
  std::atomic<std::chrono::seconds::rep> ttl_{0};
  std::atomic<Revision> own_revision_;  // of the last record that we wrote
  std::atomic<bool> update_under_way_{false};
  std::atomic<bool> write_refused_{false};  // a write found that the slot is not ours: verify()

  mutable std::mutex mutex_;
  Phase phase_ = Phase::kHeld;  // guarded by mutex_, as are the next two
  std::string reason_;
  std::stop_source lost_;

  std::mutex update_mutex_;   // one update at a time
  std::mutex release_mutex_;  // one revoke at a time; guards released_
  bool released_ = false;

  // The thread's own.
  std::unique_ptr<Watch> watch_;
  std::uint64_t watch_number_ = 0;
  Revision watched_ = 0;    // events up to here were seen; 0: watch from now on
  TimePoint rewatch_at_{};  // when watch_ is null
  Backoff rewatch_backoff_;
  bool denied_ = false;    // watching was, and that was logged
  bool unproved_ = false;  // verify() before holding again
  TimePoint verify_at_{};
  Backoff verify_backoff_;
  std::optional<Published> plan_;  // that our claim has published, and that may still stand
  TimePoint end_plan_at_{};

  WorkerThread thread_;
};

}  // namespace idetcd::internal
