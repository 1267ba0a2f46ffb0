#include "claim/queue_wait.h"

#include "base/guarded_call.h"
#include "machine/waiting_room.h"

#include <algorithm>
#include <utility>

namespace idetcd::internal {
namespace {

using namespace std::chrono_literals;

constexpr auto kRelist = 60s;  // a waiting claimant's own check that no event was lost

}  // namespace

QueueWait::QueueWait(ClaimSession& session, const PoolKeys& keys, const PatternTemplate& pattern, Options options)
    : session_(session), keys_(keys), pattern_(pattern), options_(std::move(options)) {}

// Waits until our ticket is among the first as many as slots are free. A pool where
// that cannot be for lack of any free slot is full; one with free slots that belong
// to older tickets will be decided within their leases' time.
Result<QueueWait::Turn> QueueWait::wait(ClaimPlan& plan, const Ranked& ranked, const std::string& node_id) {
  if (ranked.free == 0 && options_.on_full != OnFull::kWait) return Turn::kFull;
  const auto longest = options_.longest_wait;
  if (longest.count() > 0 && wait_until_ == TimePoint::max()) wait_until_ = session_.clock().now() + longest;
  WaitingRoom room(keys_, pattern_, node_id);
  for (;;) {
    auto turn = wait_in(room, plan);
    if (turn || turn.error().code != ErrorCode::kCompacted) return turn;
    if (auto waited = session_.pause(); !waited) return std::move(waited).error();
  }
}

// kCompacted: the room's view is broken, list again.
Result<QueueWait::Turn> QueueWait::wait_in(WaitingRoom& room, ClaimPlan& plan) {
  const auto listed = list(room);
  if (!listed) return listed.error();
  if (*listed == Listed::kWithoutUs) return Turn::kLeaseEnded;
  const auto watches = follow(room);
  const TimePoint relist = session_.clock().now() + kRelist;
  while (session_.clock().now() < relist) {
    if (session_.stopped()) return session_.cancelled();
    if (!room.queued() || session_.lease_ended()) return Turn::kLeaseEnded;
    if (room.my_turn()) {
      plan.retarget(room.occupancy(), room.pairing());
      return Turn::kOurs;
    }
    if (options_.on_full != OnFull::kWait && room.occupancy().free() == 0) return Turn::kFull;
    if (session_.clock().now() >= wait_until_) return Turn::kFull;
    if (std::exchange(told_position_, room.rank()) != room.rank()) {
      guarded_call(session_.log_sink(), "on_position", options_.on_position, room.rank());
    }
    if (apply_news(room, watches.first_number, std::min(relist, wait_until_)) == View::kBroken) break;
  }
  return Error{ErrorCode::kCompacted, "the queue must be listed again"};
}

Result<QueueWait::Listed> QueueWait::list(WaitingRoom& room) {
  auto reply =
      session_.retry("listing the queue", [&] { return session_.etcd().txn(room.listing(), session_.call()); });
  if (!reply) return std::move(reply).error();
  return room.load(*reply) ? Listed::kWithUs : Listed::kWithoutUs;
}

QueueWait::RoomWatches QueueWait::follow(const WaitingRoom& room) {
  RoomWatches watches;
  watches.first_number = next_watch_;
  const auto open = [&](const KeyRange& keys) {
    return watch_into(session_.etcd(), {keys, room.revision() + 1}, session_.mailbox(), next_watch_++);
  };
  watches.bookkeeping = open(keys_.members());
  watches.records = open(keys_.records());
  return watches;
}

QueueWait::View QueueWait::apply_news(WaitingRoom& room, std::uint64_t first_number, TimePoint until) {
  View view = View::kWhole;
  for (const WatchNews& news : session_.news(until)) {
    if (news.watch < first_number) continue;  // of an earlier listing
    if (!news.batch) {
      view = View::kBroken;
    } else if (news.watch == first_number) {
      room.apply_members(*news.batch);
    } else {
      room.apply_records(*news.batch);
    }
  }
  return session_.mailbox()->take_overflow() ? View::kBroken : view;
}

}  // namespace idetcd::internal
