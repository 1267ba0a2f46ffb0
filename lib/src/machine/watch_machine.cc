#include "machine/watch_machine.h"

#include <algorithm>

namespace idetcd::internal {
using namespace std::chrono_literals;

WatchMachine::WatchMachine(std::chrono::seconds reconcile, TimePoint now, std::uint64_t seed)
    : reconcile_(reconcile),
      list_backoff_(50ms, 5s, seed),
      watch_backoff_(50ms, 1s, seed + 2),
      jitter_(std::chrono::milliseconds(reconcile) / 5, std::chrono::milliseconds(reconcile) / 5, seed + 1),
      list_at_(now),
      watch_at_(now),
      whole_until_(now) {}

WatchMachine::Act WatchMachine::next(TimePoint now) const noexcept {
  if (list_due_) return now >= list_at_ ? Act::kList : Act::kNone;
  if (watch_ == WatchState::kNone) return now >= watch_at_ ? Act::kWatch : Act::kNone;
  return reconcile_at_ && now >= *reconcile_at_ ? Act::kList : Act::kNone;
}

TimePoint WatchMachine::wake() const noexcept {
  if (list_due_) return list_at_;
  if (watch_ == WatchState::kNone) return watch_at_;
  return reconcile_at_.value_or(TimePoint::max());
}

// The watch starts anew from the listing, even a live one that a reconciliation ran
// beside: so events and listings stay in one order.
void WatchMachine::listed(const Header& header, TimePoint now) {
  whole_until_ = now;
  watch_ = WatchState::kNone;
  cluster_id_ = header.cluster_id;
  revision_ = header.revision;
  list_due_ = false;
  watch_at_ = now;
  list_backoff_.reset();
  if (reconcile_ > 0s) reconcile_at_ = now + reconcile_ - std::chrono::milliseconds(reconcile_) / 5 + jitter_.next();
}

void WatchMachine::list_failed(TimePoint now) {
  const auto wait = list_backoff_.next();
  if (list_due_) {
    list_at_ = now + wait;
  } else {
    reconcile_at_ = now + std::max<std::chrono::nanoseconds>(wait, 1s);
  }
}

void WatchMachine::watching() noexcept {
  watch_ = WatchState::kOpening;
}

bool WatchMachine::batch(const WatchBatch& batch, TimePoint now) {
  if (batch.header.cluster_id != cluster_id_ || batch.header.revision < revision_) {
    list_soon(now);
    return false;
  }
  if (list_due_) return false;
  watch_ = WatchState::kEstablished;
  whole_until_ = now;
  watch_backoff_.reset();
  for (const Event& event : batch.events) revision_ = std::max(revision_, event.kv.mod_revision);
  return true;
}

void WatchMachine::watch_failed(ErrorCode code, TimePoint now) {
  watch_ = WatchState::kNone;
  if (code == ErrorCode::kCompacted) {
    list_soon(now);
  } else {
    watch_at_ = now + watch_backoff_.next();
  }
}

void WatchMachine::events_dropped(TimePoint now) {
  list_soon(now);
}

void WatchMachine::list_soon(TimePoint at) {
  list_due_ = true;
  list_at_ = at;
}

}  // namespace idetcd::internal
