#include "claim/claim_keeper.h"

#include "base/transient.h"

#include <fmt/format.h>

#include <unistd.h>
#include <algorithm>

namespace idetcd::internal {
namespace {

using namespace std::chrono_literals;

constexpr auto kMaxSleep = 3600s;

}  // namespace

ClaimKeeper::ClaimKeeper(HeldSlot slot)
    : slot_(std::move(slot)),
      record_key_(slot_.keys->record(slot_.name)),
      pid_(::getpid()),
      last_foreign_request_(slot_.session->last_request()),
      own_revision_(slot_.record_revision),
      watched_(slot_.record_revision),
      rewatch_backoff_(50ms, 5s, random_seed()),
      verify_backoff_(50ms, 2s, random_seed()) {
  hold();
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

ClaimKeeper::~ClaimKeeper() {
  (void)release(2000ms);
}

bool ClaimKeeper::forked() const noexcept {
  return ::getpid() != pid_;
}

bool ClaimKeeper::held() const noexcept {
  const auto until = trust_until_.load(std::memory_order_acquire);
  return until != 0 && slot_.clock->now().time_since_epoch().count() < until && !forked();
}

std::stop_token ClaimKeeper::lost() const {
  std::lock_guard lock(mutex_);
  return lost_.get_token();
}

std::string ClaimKeeper::loss_reason() const {
  std::lock_guard lock(mutex_);
  return reason_;
}

ClaimKeeper::Phase ClaimKeeper::wait_change(Phase known, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, stop, [&] { return phase_ != known; });
  return phase_;
}

// --- the thread -----------------------------------------------------------------

void ClaimKeeper::run(const std::stop_token& stop) {
  open_watch();
  while (!stop.stop_requested()) {
    slot_.session->pump();
    if (slot_.grace) slot_.grace->pump();
    if (!watch_ && slot_.clock->now() >= rewatch_at_) open_watch();
    if (unproved_ && slot_.clock->now() >= verify_at_) verify(stop);
    for (ClaimEvent& event : slot_.mailbox->take(until_work(), stop)) handle(event);
    if (slot_.mailbox->take_overflow()) {
      doubt("more news of the own record than could be kept");
      unproved_ = true;
    }
    judge();
    std::unique_lock lock(mutex_);
    if (phase_ == Phase::kGone) break;
  }
  watch_.reset();
}

std::chrono::nanoseconds ClaimKeeper::until_work() const {
  const TimePoint now = slot_.clock->now();
  TimePoint wake = std::min(now + kMaxSleep, slot_.session->machine().wake(now));
  if (slot_.grace) wake = std::min(wake, slot_.grace->machine().wake(now));
  if (!watch_) wake = std::min(wake, rewatch_at_);
  if (unproved_) wake = std::min(wake, verify_at_);
  if (unproved_ && held()) wake = std::min(wake, TimePoint{std::chrono::nanoseconds{trust_until_.load()}});
  return std::max<std::chrono::nanoseconds>(wake - now, 0ns);
}

void ClaimKeeper::handle(ClaimEvent& event) {
  if (auto* answer = std::get_if<KeepAliveAnswer>(&event)) {
    take_answer(*answer);
  } else if (auto* news = std::get_if<WatchNews>(&event)) {
    if (news->watch == watch_number_) take_news(*news);
  }
}

void ClaimKeeper::take_answer(const KeepAliveAnswer& answer) {
  if (slot_.grace && slot_.grace->take(answer)) return;
  if (!slot_.session->take(answer) || !answer.reply) return;
  const Header& header = answer.reply->header;
  if (header.cluster_id != slot_.cluster_id) {
    doubt("etcd was replaced by another cluster");
    unproved_ = true;
  } else if (header.revision < slot_.owned.token && answer.request > last_foreign_request_) {
    // Restored from a backup, which may have given our slot away; or only a member that
    // lags behind, which is no reason to let go. Asking tells.
    unproved_ = true;
  }
}

void ClaimKeeper::take_news(WatchNews& news) {
  if (news.batch) {
    rewatch_backoff_.reset();
    for (const Event& event : news.batch->events) own_record_changed(event);
    return;
  }
  watch_.reset();
  rewatch_at_ = slot_.clock->now() + rewatch_backoff_.next();
  // What happened in between can't be listed any more: only asking helps.
  if (news.batch.error().code == ErrorCode::kCompacted) {
    unproved_ = true;
    watched_ = 0;
  }
}

void ClaimKeeper::own_record_changed(const Event& event) {
  watched_ = std::max(watched_, event.kv.mod_revision);
  if (event.kv.mod_revision <= own_revision_.load()) return;
  if (event.type == Event::Type::kDelete) {
    gone("the record is gone: its lease has ended, or somebody deleted it");
  } else if (event.kv.lease != slot_.session->id()) {
    gone("the record was overwritten by somebody else");
  } else if (!update_under_way_.load()) {
    unproved_ = true;  // our lease, not our hand: a second process may have resumed it
  }
}

void ClaimKeeper::open_watch() {
  const Revision from = watched_ == 0 ? 0 : watched_ + 1;
  watch_ = slot_.etcd->watch({KeyRange::one(record_key_), from},
                             [mailbox = slot_.mailbox, number = ++watch_number_](Result<WatchBatch> batch) {
                               mailbox->push(WatchNews{number, std::move(batch)});
                             });
}

void ClaimKeeper::judge() {
  const TimePoint now = slot_.clock->now();
  const LeaseMachine& lease = slot_.session->machine();
  if (lease.ended()) {
    gone("the lease has ended");
  } else if (!lease.trusted(now)) {
    if (trust_until_.load() != 0) {
      doubt("etcd did not confirm the lease in time");
      unproved_ = true;
    }
  } else if (!unproved_) {
    hold();
  } else if (!held()) {
    doubt("etcd did not confirm in time that the slot is ours");
  }
}

Txn ClaimKeeper::if_still_ours() const {
  Txn txn;
  const LeaseId lease = slot_.session->id();
  const std::string node = slot_.keys->node(slot_.node_id);
  txn.compares.push_back(Compare::lease_is(node, lease));
  txn.compares.push_back(Compare::modified_at(node, slot_.owned.token));
  txn.compares.push_back(Compare::lease_is(record_key_, lease));
  return txn;
}

void ClaimKeeper::verify(const std::stop_token& stop) {
  if (!slot_.session->machine().trusted(slot_.clock->now())) {
    verify_at_ = slot_.clock->now() + verify_backoff_.next();
    return;  // first the lease must prove to live
  }
  auto reply = slot_.etcd->txn(if_still_ours(), {.timeout = 1000ms, .stop = stop});
  if (!reply) {
    verify_at_ = slot_.clock->now() + verify_backoff_.next();
    return;
  }
  if (!reply->succeeded) return gone("the slot was given to somebody else");
  verify_backoff_.reset();
  unproved_ = false;
  slot_.cluster_id = reply->header.cluster_id;
  judge();  // held again, at once
}

// --- phases -----------------------------------------------------------------------

void ClaimKeeper::hold() {
  {
    std::lock_guard lock(mutex_);
    if (phase_ == Phase::kGone) return;
  }
  ttl_.store(slot_.session->machine().ttl().count(), std::memory_order_relaxed);
  trust_until_.store(slot_.session->machine().trust_until().time_since_epoch().count(), std::memory_order_release);
  change(Phase::kHeld, {});
}

void ClaimKeeper::doubt(std::string reason) {
  trust_until_.store(0, std::memory_order_release);
  change(Phase::kDoubted, std::move(reason));
}

void ClaimKeeper::gone(std::string reason) {
  trust_until_.store(0, std::memory_order_release);
  change(Phase::kGone, std::move(reason));
}

void ClaimKeeper::change(Phase phase, std::string reason) {
  std::stop_source fire(std::nostopstate);
  {
    std::lock_guard lock(mutex_);
    if (phase == phase_ || phase_ == Phase::kGone) return;
    if (phase_ == Phase::kHeld) fire = lost_;
    if (phase == Phase::kHeld) lost_ = std::stop_source();
    phase_ = phase;
    reason_ = reason;
  }
  fire.request_stop();  // outside the lock: it runs other people's callbacks
  changed_.notify_all();
  if (!slot_.log) return;
  if (phase == Phase::kHeld) {
    slot_.log(LogLevel::kInfo, fmt::format("{} is held again", slot_.name));
  } else {
    slot_.log(LogLevel::kWarning,
              fmt::format("{}{}: {}", slot_.name, phase == Phase::kGone ? " is lost" : " is not held for now", reason));
  }
}

// --- the callers' side ---------------------------------------------------------------

Status ClaimKeeper::update(Record record) {
  std::lock_guard one(update_mutex_);
  const Error lost{ErrorCode::kLost, fmt::format("{} is not held any more: {}", slot_.name, loss_reason())};
  if (!held()) return lost;
  record.node = slot_.node_id;
  record.ttl = ttl();
  record.token = slot_.owned.token;
  if (auto valid = validate(record); !valid) return valid;
  Txn txn = if_still_ours();
  txn.success.emplace_back(PutRequest{record_key_, to_json(record), slot_.session->id()});
  update_under_way_.store(true);
  auto reply = slot_.etcd->txn(txn, {});
  if (reply && reply->succeeded) own_revision_.store(reply->header.revision);
  update_under_way_.store(false);
  if (!reply) return std::move(reply).error();
  if (reply->succeeded) return {};
  return Error{ErrorCode::kLost, fmt::format("{} was given to somebody else", slot_.name)};
}

// Fences first, then revokes the lease: a revoke deletes what this lease owns and
// nothing else, so that a late one can not harm a successor.
Status ClaimKeeper::release(std::chrono::milliseconds at_most) {
  if (forked()) return {};
  std::lock_guard once(release_mutex_);
  if (std::exchange(released_, true)) return {};
  thread_.request_stop();
  thread_.join();
  trust_until_.store(0, std::memory_order_release);
  {
    const LogSink silent = std::exchange(slot_.log, nullptr);
    change(Phase::kGone, "released");
  }
  const auto state = std::exchange(slot_.state, std::nullopt);  // unlocked at the end, for our next claim
  const TimePoint until = slot_.clock->now() + at_most;
  Backoff backoff(20ms, 500ms, random_seed());
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - slot_.clock->now());
    auto revoked = slot_.etcd->lease_revoke(slot_.session->id(), {.timeout = std::clamp(left, 1ms, 1500ms)});
    if (revoked || revoked.error().code == ErrorCode::kNotFound) {
      if (state) (void)state->save(SavedClaim{slot_.node_id, 0, slot_.owned.slot, 0});
      return {};
    }
    const auto wait = backoff.next();
    if (!is_transient(revoked.error().code) || slot_.clock->now() + wait >= until) return revoked;
    std::this_thread::sleep_for(wait);
  }
}

}  // namespace idetcd::internal
