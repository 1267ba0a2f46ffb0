// RegistrationRun: what a Registration is made of: one thread that claims, reports and
// writes records.
#pragma once

#include "base/clock.h"
#include "base/worker_thread.h"
#include "claim/claim_keeper.h"
#include "claim/claim_run.h"

#include <idetcd/registration.h>

#include <sys/types.h>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>

namespace idetcd::internal {

// Kept alive by the handle and by its own thread, so that a callback may destroy the
// handle. Members are as Registration has them.
class RegistrationRun {
 public:
  static Result<std::shared_ptr<RegistrationRun>> start(std::shared_ptr<Etcd> etcd, PatternTemplate pattern,
                                                        RegistrationOptions options, Record record, const Clock& clock);
  RegistrationRun(std::shared_ptr<Etcd> etcd, PatternTemplate pattern, RegistrationOptions options, Record record,
                  const Clock& clock);

  bool forked() const noexcept;
  bool held() const noexcept;
  std::optional<Ownership> ownership() const;
  Status update(const Record& record);
  Status release(std::chrono::milliseconds at_most);
  void leave();

 private:
  void run(const std::stop_token& stop);
  Error claim_and_follow(const std::stop_token& stop);
  Status claim(const std::stop_token& stop);
  void follow(const std::stop_token& stop);
  void notify(const ClaimKeeper& keeper, bool is_held);
  bool unwritten() const;
  bool write(ClaimKeeper& keeper, const std::stop_token& stop);
  void forget(const std::stop_token& stop);
  void end_by(TimePoint release_until, bool leaving);
  Status give_back();
  std::shared_ptr<ClaimKeeper> current() const noexcept;

  ClaimSetting setting_;  // the thread's own, but for the clock
  const RegistrationOptions options_;
  const pid_t pid_;
  const std::unique_ptr<Alarm> alarm_;  // of the thread; rings when there is something to look at

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  Record record_;
  std::uint64_t wanted_ = 1;           // version of record_
  std::uint64_t written_ = 0;          // version that the present claim's record has
  std::uint64_t refused_version_ = 0;  // etcd refused it for `refusal_`
  Error refusal_{ErrorCode::kInternal, {}};
  std::shared_ptr<ClaimKeeper> keeper_;
  TimePoint release_until_{};
  bool ended_ = false;
  bool leaving_ = false;  // the name stays

  WorkerThread thread_;
};

// kLost, as update() says it then.
Error registration_ended();

}  // namespace idetcd::internal
