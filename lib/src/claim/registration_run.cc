#include "claim/registration_run.h"

#include "base/guarded_call.h"
#include "base/transient.h"
#include "claim/claim_options.h"

#include <unistd.h>
#include <algorithm>

namespace idetcd::internal {
namespace {

using namespace std::chrono_literals;
using Phase = ClaimKeeper::Phase;

constexpr auto kUpdatePatience = 5s;
constexpr auto kForgetPatience = 2s;
constexpr int kStable = 3;  // a claim that lived for so many times its ttl is not the cause of its loss

Ownership ownership_of(const ClaimKeeper& keeper) {
  const HeldSlot& slot = keeper.slot();
  return {slot.owned.slot, slot.name, slot.node_id, slot.owned.token, keeper.lease(), keeper.ttl()};
}

Error cancelled() {
  return Error{ErrorCode::kCancelled, "the registration was released"};
}

}  // namespace

RegistrationRun::RegistrationRun(std::shared_ptr<Etcd> etcd, PatternTemplate pattern, RegistrationOptions options,
                                 Record record, const Clock& clock)
    : setting_{.etcd = std::move(etcd), .pattern = std::move(pattern), .options = options.claim, .clock = &clock},
      options_(std::move(options)),
      pid_(::getpid()),
      alarm_(clock.alarm()),
      record_(std::move(record)) {}

Result<std::shared_ptr<RegistrationRun>> RegistrationRun::start(std::shared_ptr<Etcd> etcd, PatternTemplate pattern,
                                                                RegistrationOptions options, Record record,
                                                                const Clock& clock) {
  if (auto checked = check(options.claim); !checked) return std::move(checked).error();
  if (auto valid = validate(record); !valid) return std::move(valid).error();
  const auto impl = std::make_shared<RegistrationRun>(std::move(etcd), std::move(pattern), std::move(options),
                                                      std::move(record), clock);
  auto started = impl->thread_.start([impl](const std::stop_token& stop) { impl->run(stop); });
  if (!started) return std::move(started).error();
  return impl;
}

bool RegistrationRun::forked() const noexcept {
  return ::getpid() != pid_;
}

bool RegistrationRun::held() const noexcept {
  const auto keeper = current();
  return keeper && keeper->held();
}

std::optional<Ownership> RegistrationRun::ownership() const {
  const auto keeper = current();
  if (!keeper || !keeper->held()) return std::nullopt;
  return ownership_of(*keeper);
}

std::shared_ptr<ClaimKeeper> RegistrationRun::current() const noexcept {
  std::lock_guard lock(mutex_);
  return keeper_;
}

// --- records: the version that is wanted, and the one that the present claim has -------

Status RegistrationRun::update(const Record& record) {
  if (auto valid = validate(record); !valid) return valid;
  std::unique_lock lock(mutex_);
  if (ended_) return registration_ended();
  record_ = record;
  const std::uint64_t version = ++wanted_;
  if (thread_.is_current()) return {};
  alarm_->wake();
  const auto decided = [&] {
    return ended_ || written_ >= version || refused_version_ >= version || !keeper_ || keeper_->phase() != Phase::kHeld;
  };
  if (!changed_.wait_for(lock, kUpdatePatience, decided)) {
    return Error{ErrorCode::kDeadlineExceeded, "etcd has not taken the record yet; it is written as soon as it does"};
  }
  if (written_ >= version) return {};
  if (ended_) return registration_ended();
  if (refused_version_ >= version) return refusal_;
  return {};  // nothing is held: the thread writes it when something is
}

bool RegistrationRun::unwritten() const {
  std::lock_guard lock(mutex_);
  return written_ != wanted_;
}

// Only the registration's thread writes, and always the newest record: two updates that
// cross end with the newer one in etcd.
bool RegistrationRun::write(ClaimKeeper& keeper, const std::stop_token& stop) {
  Record record;
  std::uint64_t version = 0;
  {
    std::lock_guard lock(mutex_);
    record = record_;
    version = wanted_;
  }
  std::stop_source end;  // a write that hangs must not delay on_lost or release()
  const std::stop_callback on_stop(stop, [&end] { end.request_stop(); });
  const std::stop_callback on_loss(keeper.lost(), [&end] { end.request_stop(); });
  auto done = keeper.update(std::move(record), end.get_token());
  std::lock_guard lock(mutex_);
  changed_.notify_all();
  if (done) {
    written_ = version;
    return true;
  }
  const Error& error = done.error();
  if (!is_transient(error.code) && error.code != ErrorCode::kLost && error.code != ErrorCode::kCancelled) {
    refused_version_ = version;
    refusal_ = error;
  }
  return false;
}

// --- the thread ------------------------------------------------------------------------

void RegistrationRun::run(const std::stop_token& stop) {
  const std::stop_callback wake(stop, [this] { alarm_->wake(); });
  const Error end = claim_and_follow(stop);
  (void)give_back();
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }
  if (!stop.stop_requested()) guarded_call(options_.claim.log, "on_ended", options_.on_ended, end);
}

Error RegistrationRun::claim_and_follow(const std::stop_token& stop) {
  Backoff pause(200ms, 5s, random_seed());
  for (;;) {
    if (auto claimed = claim(stop); !claimed) return std::move(claimed).error();
    const TimePoint since = setting_.clock->now();
    follow(stop);
    if (stop.stop_requested()) return cancelled();  // release() gives the slot back
    const std::string reason = current()->loss_reason();
    forget(stop);
    if (options_.on_lost_do == OnLost::kStop) return Error{ErrorCode::kLost, reason};
    if (setting_.clock->now() - since > kStable * options_.claim.ttl) pause.reset();
    const TimePoint again = setting_.clock->now() + pause.next();
    while (!stop.stop_requested() && alarm_->wait_until(again)) {
    }
    if (stop.stop_requested()) return cancelled();
  }
}

Status RegistrationRun::claim(const std::stop_token& stop) {
  Record record;
  std::uint64_t version = 0;
  {
    std::lock_guard lock(mutex_);
    record = record_;
    version = wanted_;
  }
  auto slot = ClaimRun(setting_, record, stop).run();
  if (!slot) return std::move(slot).error();
  auto keeper = ClaimKeeper::start(std::move(*slot), [this] {
    alarm_->wake();
    std::lock_guard lock(mutex_);
    changed_.notify_all();
  });
  if (!keeper) return std::move(keeper).error();
  std::lock_guard lock(mutex_);
  keeper_ = std::move(*keeper);
  written_ = version;
  return {};
}

// Reports every change and writes what is wanted, until the claim is lost or we are stopped.
void RegistrationRun::follow(const std::stop_token& stop) {
  const auto keeper = current();
  Backoff retry(50ms, 5s, random_seed());
  TimePoint write_at{};
  bool notified_held = false;
  for (;;) {
    if (stop.stop_requested()) return;
    const Phase phase = keeper->phase();
    const bool is_held = phase == Phase::kHeld;
    if (is_held != std::exchange(notified_held, is_held)) {
      notify(*keeper, is_held);
    } else if (phase == Phase::kLost) {
      return;
    } else if (!is_held || !unwritten()) {
      alarm_->wait_until(TimePoint::max());
    } else if (setting_.clock->now() < write_at) {
      alarm_->wait_until(write_at);
    } else if (write(*keeper, stop)) {
      retry.reset();
    } else {
      write_at = setting_.clock->now() + retry.next();
    }
  }
}

void RegistrationRun::notify(const ClaimKeeper& keeper, bool is_held) {
  if (is_held) {
    guarded_call(options_.claim.log, "on_claimed", options_.on_claimed, ownership_of(keeper));
  } else {
    guarded_call(options_.claim.log, "on_lost", options_.on_lost, keeper.loss_reason());
  }
}

// Ends the lost claim for good; whatever is left of it must not stand in the way of the
// next. When a stop cuts this short, release() takes over.
void RegistrationRun::forget(const std::stop_token& stop) {
  const auto keeper = current();
  setting_.predecessor = keeper->lease();
  setting_.predecessor_slot = keeper->slot().owned.slot;
  setting_.options.node_id = keeper->slot().node_id;
  (void)keeper->release(setting_.clock->now() + kForgetPatience, stop);
  if (stop.stop_requested()) return;
  std::lock_guard lock(mutex_);
  keeper_.reset();
}

// --- the end ----------------------------------------------------------------------------

Status RegistrationRun::release(std::chrono::milliseconds at_most) {
  if (forked()) return {};
  end_by(setting_.clock->now() + at_most, false);
  return give_back();
}

void RegistrationRun::leave() {
  if (forked()) return;
  end_by({}, true);
  (void)give_back();
}

void RegistrationRun::end_by(TimePoint release_until, bool leaving) {
  {
    std::lock_guard lock(mutex_);
    release_until_ = release_until;
    leaving_ = leaving;
    ended_ = true;
    changed_.notify_all();
  }
  thread_.stop();
}

// By the thread when it ends, since a callback may have destroyed the handle; and by
// release(), which wants to know: the second to come finds it done, or tries again.
Status RegistrationRun::give_back() {
  TimePoint until{};
  std::shared_ptr<ClaimKeeper> keeper;
  bool leaving = false;
  {
    std::lock_guard lock(mutex_);
    until = release_until_;
    keeper = keeper_;
    leaving = leaving_;
  }
  if (keeper && leaving) return keeper->leave(), Status{};
  return keeper ? keeper->release(until) : Status{};
}

Error registration_ended() {
  return Error{ErrorCode::kLost, "the registration has ended; start another"};
}

}  // namespace idetcd::internal
