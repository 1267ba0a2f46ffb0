// QueueWait: a claim() call's wait for its turn in a pool's queue. The thread shell
// around WaitingRoom.
#pragma once

#include "claim/claim_calls.h"
#include "machine/claim_machine.h"
#include "model/pool_keys.h"

#include <idetcd/slot_claimer.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace idetcd::internal {

class WaitingRoom;

class QueueWait {
 public:
  struct Options {  // as in ClaimOptions
    OnFull on_full;
    std::chrono::milliseconds longest_wait;
    std::function<void(std::size_t)> on_position;
  };
  enum class Turn {
    kOurs,        // `claim` aims at the slots that are ours
    kLeaseEnded,  // and the ticket with it
    kFull,        // no slot is free and we may not wait, or longest_wait is over
  };

  // Refers to all but the options, for as long as it lives.
  QueueWait(ClaimCalls& calls, const PoolKeys& keys, const PatternTemplate& pattern, Options options);

  // Blocks. longest_wait counts from the first call.
  Result<Turn> wait(ClaimMachine& claim, const InQueue& queue, const std::string& node_id);

 private:
  enum class Listed { kWithUs, kWithoutUs };
  enum class View { kWhole, kBroken };  // kBroken: a watch has ended or events were dropped
  struct NumberedWatch {
    std::uint64_t number = 0;  // 0: none
    std::unique_ptr<Watch> watch{};
    bool established = false;
  };
  struct RoomWatches {
    NumberedWatch queue;
    NumberedWatch owners;   // only of the next in the queue, and the one behind it
    NumberedWatch records;  // likewise
  };

  Result<Turn> wait_in(WaitingRoom& room, ClaimMachine& claim);
  Result<Listed> list(WaitingRoom& room);
  Result<Listed> list_queue(WaitingRoom& room);
  Result<Listed> look_at_slots(WaitingRoom& room, RoomWatches& watches);
  NumberedWatch open(const KeyRange& keys, Revision start);
  void follow_slots(RoomWatches& watches, Revision start);
  View apply_batches(WaitingRoom& room, RoomWatches& watches, TimePoint until);
  static View apply(WaitingRoom& room, RoomWatches& watches, const NumberedBatch& numbered);

  ClaimCalls& calls_;
  const PoolKeys& keys_;
  const PatternTemplate& pattern_;
  const Options options_;
  TimePoint wait_until_ = TimePoint::max();
  std::size_t notified_position_ = 0;
};

}  // namespace idetcd::internal
