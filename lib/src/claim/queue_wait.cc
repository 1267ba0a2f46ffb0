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

QueueWait::QueueWait(ClaimCalls& calls, const PoolKeys& keys, const PatternTemplate& pattern, Options options)
    : calls_(calls), keys_(keys), pattern_(pattern), options_(std::move(options)) {}

// Waits until our ticket is among the first as many as slots are free. A pool where
// that cannot be for lack of any free slot is full; one with free slots that belong
// to older tickets will be decided within their leases' time.
Result<QueueWait::Turn> QueueWait::wait(ClaimMachine& claim, const Ranked& ranked, const std::string& node_id) {
  if (ranked.free == 0 && options_.on_full != OnFull::kWait) return Turn::kFull;
  const auto longest = options_.longest_wait;
  if (longest.count() > 0 && wait_until_ == TimePoint::max()) wait_until_ = calls_.clock().now() + longest;
  WaitingRoom room(keys_, pattern_, node_id);
  for (;;) {
    auto turn = wait_in(room, claim);
    if (turn || turn.error().code != ErrorCode::kCompacted) return turn;
    if (auto waited = calls_.pause(); !waited) return std::move(waited).error();
  }
}

// kCompacted: the room's view is broken, list again.
Result<QueueWait::Turn> QueueWait::wait_in(WaitingRoom& room, ClaimMachine& claim) {
  const auto listed = list(room);
  if (!listed) return listed.error();
  if (*listed == Listed::kWithoutUs) return Turn::kLeaseEnded;
  const auto watches = follow(room);
  const TimePoint relist = calls_.clock().now() + kRelist;
  while (calls_.clock().now() < relist) {
    if (calls_.stopped()) return calls_.cancelled();
    if (!room.queued() || calls_.lease_ended()) return Turn::kLeaseEnded;
    if (room.my_turn()) {
      claim.retarget(room.occupancy(), room.pairing());
      return Turn::kOurs;
    }
    if (options_.on_full != OnFull::kWait && room.occupancy().free() == 0) return Turn::kFull;
    if (calls_.clock().now() >= wait_until_) return Turn::kFull;
    if (std::exchange(notified_position_, room.rank()) != room.rank()) {
      guarded_call(calls_.log_sink(), "on_position", options_.on_position, room.rank());
    }
    if (apply_batches(room, watches.first_number, std::min(relist, wait_until_)) == View::kBroken) break;
  }
  return Error{ErrorCode::kCompacted, "the queue must be listed again"};
}

Result<QueueWait::Listed> QueueWait::list(WaitingRoom& room) {
  auto reply = calls_.retry("listing the queue", [&] { return calls_.etcd().txn(room.listing(), calls_.options()); });
  if (!reply) return std::move(reply).error();
  return room.load(*reply) ? Listed::kWithUs : Listed::kWithoutUs;
}

QueueWait::RoomWatches QueueWait::follow(const WaitingRoom& room) {
  RoomWatches watches;
  const auto open = [&](const KeyRange& keys, std::uint64_t number) {
    return watch_into(calls_.etcd(), {keys, room.revision() + 1}, calls_.mailbox(), number);
  };
  watches.first_number = calls_.next_watch_number();
  watches.bookkeeping = open(keys_.members(), watches.first_number);
  watches.records = open(keys_.records(), calls_.next_watch_number());
  return watches;
}

QueueWait::View QueueWait::apply_batches(WaitingRoom& room, std::uint64_t first_number, TimePoint until) {
  View view = View::kWhole;
  for (const NumberedBatch& numbered : calls_.wait_for_batches(until)) {
    if (numbered.watch < first_number) continue;  // of an earlier listing
    if (!numbered.batch) {
      view = View::kBroken;
    } else if (numbered.watch == first_number) {
      room.apply_members(*numbered.batch);
    } else {
      room.apply_records(*numbered.batch);
    }
  }
  return calls_.mailbox()->take_overflow() ? View::kBroken : view;
}

}  // namespace idetcd::internal
