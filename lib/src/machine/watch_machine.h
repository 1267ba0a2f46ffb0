// WatchMachine: list, watch from there, resume after a break, list again when that
// is the only way. Pure: events and times in, the next thing to do out.
//
// The resume revision is only ever advanced by events and listings, never by what an
// empty batch's header says: a progress notification of etcd 3.4 can be ahead of
// events that are still to come.
#pragma once

#include "base/backoff.h"
#include "base/clock.h"

#include <idetcd/etcd.h>

#include <chrono>
#include <cstdint>
#include <optional>

namespace idetcd::internal {

class WatchMachine {
 public:
  enum class Act { kNone, kList, kWatch };

  // `reconcile` 0: never lists again by itself.
  WatchMachine(std::chrono::seconds reconcile, TimePoint now, std::uint64_t seed);

  // What to do now. kList and kWatch stay due until listed(), list_failed() or
  // watching() was called. A listing beside a live watch is a reconciliation.
  Act next(TimePoint now) const noexcept;
  TimePoint wake() const noexcept;  // when next() may change by itself

  void listed(const Header& header, TimePoint now);
  void list_failed(TimePoint now);

  void watching() noexcept;  // a watch from resume_revision() was opened
  Revision resume_revision() const noexcept { return revision_ + 1; }

  // A batch of the open watch. False: it does not continue what we have (another
  // cluster, or history that went back); do not apply it, a listing is due.
  bool batch(const WatchBatch& batch, TimePoint now);
  void watch_failed(ErrorCode code, TimePoint now);
  void events_dropped(TimePoint now);  // on our own side: list again

  Revision revision() const noexcept { return revision_; }
  bool live() const noexcept { return watch_ == WatchState::kEstablished && !list_due_; }
  TimePoint whole_until() const noexcept { return whole_until_; }  // when it was last known to be live

 private:
  enum class WatchState { kNone, kOpening, kEstablished };

  void list_soon(TimePoint at);

  const std::chrono::seconds reconcile_;
  Backoff list_backoff_;
  Backoff watch_backoff_;
  Backoff jitter_;
  WatchState watch_ = WatchState::kNone;
  bool list_due_ = true;
  TimePoint list_at_;
  TimePoint watch_at_;
  std::optional<TimePoint> reconcile_at_;
  Revision revision_ = 0;
  std::uint64_t cluster_id_ = 0;
  TimePoint whole_until_;
};

}  // namespace idetcd::internal
