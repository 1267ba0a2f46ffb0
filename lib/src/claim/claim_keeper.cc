#include "claim/claim_keeper.h"

#include "base/transient.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include <unistd.h>
#include <algorithm>

namespace idetcd::internal {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kMaxRevoke = 1500ms;  // one call: then another member
constexpr std::chrono::milliseconds kMaxCall = 1s;        // on the thread that keeps the leases alive
constexpr std::chrono::milliseconds kMinProof = 15s;
constexpr auto kPlanPeriod = 1s;  // a plan stands while a turn is drawn in each of these
constexpr auto kGiveBack = 1s;    // how long to try to, when a slot just taken cannot be kept

}  // namespace

Result<std::shared_ptr<ClaimKeeper>> ClaimKeeper::start(HeldSlot slot, std::function<void()> on_change) {
  const std::shared_ptr<ClaimKeeper> keeper(new ClaimKeeper(std::move(slot), std::move(on_change)));
  auto started = keeper->thread_.start([keeper](const std::stop_token& stop) { keeper->run(stop); });
  if (started) return keeper;
  (void)keeper->release(keeper->slot_.clock->now() + kGiveBack);
  return std::move(started).error();
}

ClaimKeeper::ClaimKeeper(HeldSlot slot, std::function<void()> on_change)
    : slot_(std::move(slot)),
      lease_(slot_.leases.session->id()),
      record_key_(slot_.keys->record(slot_.name)),
      pid_(::getpid()),
      last_foreign_request_(slot_.leases.session->last_request()),
      on_change_(std::move(on_change)),
      own_revision_(slot_.record_revision),
      watched_(slot_.record_revision),
      rewatch_backoff_(50ms, 5s, random_seed()),
      verify_backoff_(50ms, 2s, random_seed()),
      plan_(slot_.owned.published),
      end_plan_at_(slot_.clock->now() + kPlanPeriod) {
  set_held();
}

bool ClaimKeeper::forked() const noexcept {
  return ::getpid() != pid_;
}

bool ClaimKeeper::held() const noexcept {
  const auto until = trust_until_.load(std::memory_order_acquire);
  return until != 0 && slot_.clock->now().time_since_epoch().count() < until && !forked();
}

ClaimKeeper::Phase ClaimKeeper::phase() const {
  std::lock_guard lock(mutex_);
  return phase_;
}

std::chrono::nanoseconds ClaimKeeper::trusted_until() const noexcept {
  return std::chrono::nanoseconds(trust_until_.load(std::memory_order_acquire));
}

std::stop_token ClaimKeeper::lost() const {
  std::lock_guard lock(mutex_);
  return lost_.get_token();
}

std::string ClaimKeeper::loss_reason() const {
  std::lock_guard lock(mutex_);
  return reason_;
}

// --- the thread -----------------------------------------------------------------

void ClaimKeeper::run(const std::stop_token& stop) {
  open_watch();
  while (!stop.stop_requested() && phase() != Phase::kLost) {
    slot_.leases.send_due();  // before what may block
    if (!watch_ && slot_.clock->now() >= rewatch_at_) open_watch();
    if (write_refused_.exchange(false)) unproved_ = true;
    if (unproved_ && slot_.clock->now() >= verify_at_) verify(stop);
    if (plan_ && slot_.clock->now() >= end_plan_at_) end_plan(stop);
    const auto on_answer = [this](const KeepAliveAnswer& answer) { on_reply(answer); };
    for (const NumberedBatch& numbered :
         slot_.leases.wait(*slot_.mailbox, *slot_.clock, next_work(), stop, on_answer)) {
      if (numbered.watch == watch_number_) on_batch(numbered);
    }
    if (slot_.mailbox->take_overflow()) {
      set_suspect("too many watch events were queued");
      unproved_ = true;
    }
    evaluate();
  }
  watch_.reset();
}

TimePoint ClaimKeeper::next_work() const {
  TimePoint wake = TimePoint::max();
  if (!watch_) wake = std::min(wake, rewatch_at_);
  if (unproved_) wake = std::min(wake, verify_at_);
  if (plan_) wake = std::min(wake, end_plan_at_);
  // Also when that moment has just passed: it is evaluate() that must see it.
  const TimePoint trust_until{std::chrono::nanoseconds{trust_until_.load()}};
  if (trust_until != TimePoint{}) wake = std::min(wake, trust_until);
  return wake;
}

void ClaimKeeper::on_reply(const KeepAliveAnswer& answer) {
  if (!answer.reply) return;
  const Header& header = answer.reply->header;
  if (header.cluster_id != slot_.cluster_id) {
    set_suspect("etcd was replaced by another cluster");
    unproved_ = true;
  } else if (header.revision < slot_.owned.token && answer.request > last_foreign_request_) {
    // Restored from a backup, which may have given our slot away; or only a member that
    // lags behind, which is no reason to let go. Asking tells.
    unproved_ = true;
  }
}

void ClaimKeeper::on_batch(const NumberedBatch& numbered) {
  if (numbered.batch) {
    rewatch_backoff_.reset();
    denied_ = false;
    for (const Event& event : numbered.batch->events) on_own_record(event);
    return;
  }
  watch_.reset();
  rewatch_at_ = slot_.clock->now() + rewatch_backoff_.next();
  const Error& error = numbered.batch.error();
  if (error.code == ErrorCode::kDenied && !std::exchange(denied_, true) && slot_.log) {
    slot_.log(LogLevel::kWarning,
              fmt::format("{} cannot be watched any more, and is held as long as its lease lives: {}", slot_.name,
                          error.message));
  }
  // What happened in between cannot be listed any more: only asking helps.
  if (error.code == ErrorCode::kCompacted) {
    unproved_ = true;
    watched_ = 0;
  }
}

void ClaimKeeper::on_own_record(const Event& event) {
  watched_ = std::max(watched_, event.kv.mod_revision);
  if (event.kv.mod_revision <= own_revision_.load()) return;
  if (event.type == Event::Type::kDelete) {
    set_lost("the record is gone: its lease has ended, or somebody deleted it");
  } else if (event.kv.lease != lease_) {
    set_lost("the record was overwritten by somebody else");
  } else if (!update_under_way_.load()) {
    unproved_ = true;  // our lease, not our hand: a second process may have resumed it
  }
}

void ClaimKeeper::open_watch() {
  const Revision from = watched_ == 0 ? 0 : watched_ + 1;
  // Keep-alives prove that the member lives. A read now and then proves that we may still read.
  const auto prove_every = std::max<std::chrono::milliseconds>(kMinProof, 3 * ttl());
  watch_ = watch_into(*slot_.etcd, {KeyRange::one(record_key_), from, prove_every}, slot_.mailbox, ++watch_number_);
}

void ClaimKeeper::evaluate() {
  const TimePoint now = slot_.clock->now();
  const LeaseMachine& lease = slot_.leases.session->machine();
  if (lease.ended()) {
    set_lost("the lease has ended");
  } else if (!lease.trusted(now)) {
    if (trust_until_.load() != 0) {
      set_suspect("etcd did not confirm the lease in time");
      unproved_ = true;
    }
  } else if (!unproved_) {
    set_held();
  } else if (!held()) {
    set_suspect("etcd did not confirm in time that the slot is ours");
  }
}

Txn ClaimKeeper::if_still_ours() const {
  Txn txn;
  const std::string node = slot_.keys->node(slot_.node_id);
  txn.compares.push_back(Compare::lease_is(node, lease_));
  txn.compares.push_back(Compare::modified_at(node, slot_.owned.token));
  txn.compares.push_back(Compare::lease_is(record_key_, lease_));
  return txn;
}

void ClaimKeeper::verify(const std::stop_token& stop) {
  if (!slot_.leases.session->machine().trusted(slot_.clock->now())) {
    verify_at_ = slot_.clock->now() + verify_backoff_.next();
    return;  // first the lease must prove to live
  }
  const auto trust = slot_.leases.session->machine().trust_until() - slot_.clock->now();
  const auto timeout = std::clamp(std::chrono::ceil<std::chrono::milliseconds>(trust), 1ms, kMaxCall);
  auto reply = slot_.etcd->txn(if_still_ours(), {.timeout = timeout, .stop = stop});
  if (!reply) {
    verify_at_ = slot_.clock->now() + verify_backoff_.next();
    return;
  }
  if (!reply->succeeded) return set_lost("the slot was given to somebody else");
  verify_backoff_.reset();
  unproved_ = false;
  slot_.cluster_id = reply->header.cluster_id;
  evaluate();  // held again, at once
}

// The storm is over, for which the plan was made: an older one would pass over the slots
// that were freed meanwhile.
void ClaimKeeper::end_plan(const std::stop_token& stop) {
  const TimePoint now = slot_.clock->now();
  const auto spare = std::chrono::floor<std::chrono::milliseconds>(slot_.leases.wake(now) - now);
  end_plan_at_ = now + kPlanPeriod;
  if (!held() || spare < 1ms) return;  // this blocks the thread: trust and leases come first
  const Txn txn = end_plan_after(*slot_.keys, plan_->turn, plan_->plan);
  const auto reply = slot_.etcd->txn(txn, {.timeout = std::min(spare, kMaxCall), .stop = stop});
  end_plan_at_ = slot_.clock->now() + kPlanPeriod;
  if (!reply) return;
  const auto turn = plan_in_use(*reply, plan_->plan);
  plan_ = turn ? std::optional(Published{plan_->plan, *turn}) : std::nullopt;
}

// --- phases -----------------------------------------------------------------------

void ClaimKeeper::set_held() {
  if (phase() == Phase::kLost) return;
  const LeaseMachine& lease = slot_.leases.session->machine();
  ttl_.store(lease.ttl().count(), std::memory_order_relaxed);
  trust_until_.store(lease.trust_until().time_since_epoch().count(), std::memory_order_release);
  if (change(Phase::kHeld, {})) log_change(Phase::kHeld, {});
}

void ClaimKeeper::set_suspect(const std::string& reason) {
  trust_until_.store(0, std::memory_order_release);
  if (change(Phase::kSuspect, reason)) log_change(Phase::kSuspect, reason);
}

void ClaimKeeper::set_lost(const std::string& reason) {
  trust_until_.store(0, std::memory_order_release);
  if (change(Phase::kLost, reason)) log_change(Phase::kLost, reason);
}

bool ClaimKeeper::change(Phase phase, std::string reason) {
  std::optional<std::stop_source> fire;
  {
    std::lock_guard lock(mutex_);
    if (phase == phase_ || phase_ == Phase::kLost) return false;
    if (phase_ == Phase::kHeld) fire = lost_;
    if (phase == Phase::kHeld) lost_ = std::stop_source();
    phase_ = phase;
    reason_ = std::move(reason);
  }
  if (fire) fire->request_stop();  // outside the lock: it runs other people's callbacks
  if (on_change_) on_change_();
  return true;
}

void ClaimKeeper::log_change(Phase phase, const std::string& reason) const {
  if (!slot_.log) return;
  if (phase == Phase::kHeld) return slot_.log(LogLevel::kInfo, fmt::format("{} is held again", slot_.name));
  const std::string_view what = phase == Phase::kLost ? "is lost" : "is not held for now";
  slot_.log(LogLevel::kWarning, fmt::format("{} {}: {}", slot_.name, what, reason));
}

// --- the callers' side ---------------------------------------------------------------

Status ClaimKeeper::update(Record record, const std::stop_token& stop) {
  std::lock_guard one(update_mutex_);
  if (!held()) return Error{ErrorCode::kLost, fmt::format("{} is not held any more: {}", slot_.name, loss_reason())};
  record.node = slot_.node_id;
  record.ttl = ttl();
  record.token = slot_.owned.token;
  if (auto valid = validate(record); !valid) return valid;
  Txn txn = if_still_ours();
  txn.success.emplace_back(PutRequest{record_key_, to_json(record), lease_});
  update_under_way_.store(true);
  auto reply = slot_.etcd->txn(txn, {.stop = stop});
  if (reply && reply->succeeded) own_revision_.store(reply->header.revision);
  update_under_way_.store(false);
  if (!reply) return std::move(reply).error();
  if (reply->succeeded) return {};
  write_refused_.store(true);
  return Error{ErrorCode::kLost, fmt::format("{} was given to somebody else", slot_.name)};
}

Status ClaimKeeper::release(TimePoint until, const std::stop_token& stop) {
  if (forked()) return {};
  thread_.stop();
  // Never locked while the thread runs, but by the thread itself: nobody waits here for a
  // thread that waits for this.
  std::lock_guard one(release_mutex_);
  if (released_) return {};
  trust_until_.store(0, std::memory_order_release);
  change(Phase::kLost, "released");
  if (auto revoked = revoke(until, stop); !revoked) return revoked;
  released_ = true;
  if (slot_.state) (void)slot_.state->save(SavedClaim{slot_.node_id, 0, slot_.owned.slot, 0});
  slot_.state.reset();  // unlocked, for our next claim
  return {};
}

void ClaimKeeper::leave() {
  if (forked()) return;
  thread_.stop();
  std::lock_guard one(release_mutex_);
  if (std::exchange(released_, true)) return;
  trust_until_.store(0, std::memory_order_release);
  change(Phase::kLost, "left to a successor");
  slot_.state.reset();
}

// A revoke deletes what this lease owns and nothing else, so that a late one cannot
// harm a successor.
Status ClaimKeeper::revoke(TimePoint until, const std::stop_token& stop) {
  const Clock& clock = *slot_.clock;
  const auto alarm = clock.alarm();
  const std::stop_callback wake(stop, [&alarm] { alarm->wake(); });
  Backoff backoff(20ms, 500ms, random_seed());
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - clock.now());
    if (left < 1ms) return Error{ErrorCode::kDeadlineExceeded, "etcd did not revoke the lease in time"};
    auto revoked = slot_.etcd->lease_revoke(lease_, {.timeout = std::min(left, kMaxRevoke), .stop = stop});
    if (revoked || revoked.error().code == ErrorCode::kNotFound) return {};
    const TimePoint again = clock.now() + backoff.next();
    if (!is_transient(revoked.error().code) || again >= until) return revoked;
    alarm->wait_until(again);
  }
}

}  // namespace idetcd::internal
