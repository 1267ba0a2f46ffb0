// ClaimKeeper: the one thread of a Claim. It keeps the lease alive, watches its own
// record, and judges at every moment whether the slot is still ours.
#pragma once

#include "claim/claim_run.h"

#include <idetcd/slot_claimer.h>

#include <sys/types.h>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

namespace idetcd::internal {

class ClaimKeeper {
 public:
  enum class Phase {
    kHeld,     // ours
    kDoubted,  // trust has ended, but the lease may prove to have lived
    kGone,     // for good
  };

  explicit ClaimKeeper(HeldSlot slot);
  ~ClaimKeeper();  // in the process that claimed: gives the slot back, bounded by 2 s

  // Constant after construction.
  const HeldSlot& slot() const noexcept { return slot_; }

  bool forked() const noexcept;  // we are in a forked child: not the owner
  bool held() const noexcept;
  std::stop_token lost() const;
  std::string loss_reason() const;
  std::chrono::seconds ttl() const noexcept { return std::chrono::seconds(ttl_.load(std::memory_order_relaxed)); }

  Status update(Record record);
  Status release(std::chrono::milliseconds at_most);

  // Waits until the phase is not `known`, or `stop`; gives the phase.
  Phase wait_change(Phase known, const std::stop_token& stop);

 private:
  void run(const std::stop_token& stop);
  void handle(ClaimEvent& event);
  void take_answer(const KeepAliveAnswer& answer);
  void take_news(WatchNews& news);
  void own_record_changed(const Event& event);
  void open_watch();
  void judge();                              // trust run out, lease ended
  void verify(const std::stop_token& stop);  // asks etcd whether node entry and record are still ours
  void hold();
  void doubt(std::string reason);
  void gone(std::string reason);
  void change(Phase phase, std::string reason);
  Txn if_still_ours() const;
  std::chrono::nanoseconds until_work() const;

  HeldSlot slot_;
  const std::string record_key_;
  const pid_t pid_;
  const std::uint64_t last_foreign_request_;  // keep-alives up to here were sent before the claim

  std::atomic<TimePoint::rep> trust_until_{0};  // since the clock's zero; 0: not held
  std::atomic<std::chrono::seconds::rep> ttl_{0};
  std::atomic<Revision> own_revision_;  // of the last record that we wrote
  std::atomic<bool> update_under_way_{false};

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  Phase phase_ = Phase::kHeld;  // guarded by mutex_, as are the next two
  std::string reason_;
  std::stop_source lost_;

  std::mutex update_mutex_;   // one update at a time
  std::mutex release_mutex_;  // guards released_
  bool released_ = false;

  // The thread's own.
  std::unique_ptr<Watch> watch_;
  std::uint64_t watch_number_ = 0;
  Revision watched_ = 0;    // events up to here were seen
  TimePoint rewatch_at_{};  // when watch_ is null
  Backoff rewatch_backoff_;
  bool unproved_ = false;  // verify() before holding again
  TimePoint verify_at_{};
  Backoff verify_backoff_;

  std::jthread thread_;  // last: starts when all else stands
};

}  // namespace idetcd::internal
