#include "claim/queue_wait.h"

#include "base/guarded_call.h"
#include "machine/waiting_room.h"

#include <algorithm>
#include <iterator>
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
Result<QueueWait::Turn> QueueWait::wait(ClaimMachine& claim, const InQueue& queue, const std::string& node_id) {
  const auto longest = options_.longest_wait;
  if (longest.count() > 0 && wait_until_ == TimePoint::max()) wait_until_ = calls_.clock().now() + longest;
  WaitingRoom room(keys_, pattern_, node_id);
  if (!room.enter(queue.tickets, queue.revision)) return Turn::kLeaseEnded;
  for (;;) {
    auto turn = wait_in(room, claim);
    if (turn || turn.error().code != ErrorCode::kCompacted) return turn;
    if (auto waited = calls_.pause(); !waited) return std::move(waited).error();
    const auto listed = list_queue(room);
    if (!listed) return listed.error();
    if (*listed == Listed::kWithoutUs) return Turn::kLeaseEnded;
  }
}

// kCompacted: the room's view is broken, list again.
Result<QueueWait::Turn> QueueWait::wait_in(WaitingRoom& room, ClaimMachine& claim) {
  RoomWatches watches;
  watches.queue = open(keys_.queue(), room.revision() + 1);
  const TimePoint relist = calls_.clock().now() + kRelist;
  while (calls_.clock().now() < relist) {
    if (calls_.stopped()) return calls_.cancelled();
    if (!room.queued() || calls_.lease_ended()) return Turn::kLeaseEnded;
    const auto looked = look_at_slots(room, watches);
    if (!looked) return looked.error();
    if (*looked == Listed::kWithoutUs) return Turn::kLeaseEnded;
    if (room.my_turn()) {
      claim.retarget(room.occupancy(), room.pairing(), room.handover());
      return Turn::kOurs;
    }
    const bool full = room.knows_slots() && room.occupancy().free() == 0;
    if (full && options_.on_full != OnFull::kWait) return Turn::kFull;
    if (calls_.clock().now() >= wait_until_) return Turn::kFull;
    if (std::exchange(notified_position_, room.rank()) != room.rank()) {
      guarded_call(calls_.log_sink(), "on_position", options_.on_position, room.rank());
    }
    if (apply_batches(room, watches, std::min(relist, wait_until_)) == View::kBroken) break;
  }
  return Error{ErrorCode::kCompacted, "the queue must be listed again"};
}

Result<QueueWait::Listed> QueueWait::list(WaitingRoom& room) {
  auto reply = calls_.retry("listing the queue", [&] { return calls_.etcd().txn(room.listing(), calls_.options()); });
  if (!reply) return std::move(reply).error();
  return room.load(*reply) ? Listed::kWithUs : Listed::kWithoutUs;
}

Result<QueueWait::Listed> QueueWait::list_queue(WaitingRoom& room) {
  const RangeRequest request{.keys = keys_.tickets()};
  auto reply = calls_.retry("listing the queue", [&] { return calls_.etcd().range(request, calls_.options()); });
  if (!reply) return std::move(reply).error();
  return room.enter(reply->kvs, reply->header.revision) ? Listed::kWithUs : Listed::kWithoutUs;
}

// The one behind the next follows them already: etcd is slow, by a tenth of a second, with
// a watch that begins in the past.
Result<QueueWait::Listed> QueueWait::look_at_slots(WaitingRoom& room, RoomWatches& watches) {
  if (room.knows_slots()) return Listed::kWithUs;
  // Whether the pool is full, for those who do not wait, only the slots can tell.
  if (!room.is_next() && options_.on_full == OnFull::kWait) {
    if (room.is_second() && watches.records.number == 0) follow_slots(watches, 0);
    return Listed::kWithUs;
  }
  const auto taken_over = room.take_over();
  if (taken_over == WaitingRoom::TakeOver::kDone) return Listed::kWithUs;
  if (taken_over == WaitingRoom::TakeOver::kNothing) {
    auto listed = list(room);
    if (!listed || *listed == Listed::kWithoutUs) return listed;
    watches.queue = open(keys_.queue(), room.revision() + 1);
  }
  follow_slots(watches, room.revision() + 1);
  return Listed::kWithUs;
}

QueueWait::NumberedWatch QueueWait::open(const KeyRange& keys, Revision start) {
  NumberedWatch watch{.number = calls_.next_watch_number()};
  watch.watch = watch_into(calls_.etcd(), {keys, start}, calls_.mailbox(), watch.number);
  return watch;
}

void QueueWait::follow_slots(RoomWatches& watches, Revision start) {
  watches.owners = open(keys_.owners(), start);
  watches.records = open(keys_.records(), start);
}

QueueWait::View QueueWait::apply_batches(WaitingRoom& room, RoomWatches& watches, TimePoint until) {
  View view = View::kWhole;
  for (const NumberedBatch& numbered : calls_.wait_for_batches(until)) {
    if (apply(room, watches, numbered) == View::kBroken) view = View::kBroken;
  }
  return calls_.mailbox()->take_overflow() ? View::kBroken : view;
}

QueueWait::View QueueWait::apply(WaitingRoom& room, RoomWatches& watches, const NumberedBatch& numbered) {
  NumberedWatch* const all[] = {&watches.queue, &watches.owners, &watches.records};
  const auto found = std::find_if(std::begin(all), std::end(all),
                                  [&](const NumberedWatch* one) { return one->number == numbered.watch; });
  if (found == std::end(all)) return View::kWhole;  // of an earlier listing
  if (!numbered.batch) return View::kBroken;
  const bool first = !std::exchange((*found)->established, true);
  const bool from_now_on = first && !room.knows_slots();
  if (*found == &watches.queue) {
    room.apply_queue(*numbered.batch);
  } else if (*found == &watches.owners) {
    if (from_now_on) room.owners_watched(numbered.batch->header.revision);
    room.apply_members(*numbered.batch);
  } else {
    if (from_now_on) room.records_watched(numbered.batch->header.revision);
    room.apply_records(*numbered.batch);
  }
  return View::kWhole;
}

}  // namespace idetcd::internal
