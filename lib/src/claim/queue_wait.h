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
  Result<Turn> wait(ClaimMachine& claim, const Ranked& ranked, const std::string& node_id);

 private:
  enum class Listed { kWithUs, kWithoutUs };
  enum class View { kWhole, kBroken };  // kBroken: a watch has ended or events were dropped
  struct RoomWatches {
    std::uint64_t first_number = 0;  // of `bookkeeping`; `records` has the next
    std::unique_ptr<Watch> bookkeeping;
    std::unique_ptr<Watch> records;
  };

  Result<Turn> wait_in(WaitingRoom& room, ClaimMachine& claim);
  Result<Listed> list(WaitingRoom& room);
  RoomWatches follow(const WaitingRoom& room);
  View apply_batches(WaitingRoom& room, std::uint64_t first_number, TimePoint until);

  ClaimCalls& calls_;
  const PoolKeys& keys_;
  const PatternTemplate& pattern_;
  const Options options_;
  TimePoint wait_until_ = TimePoint::max();
  std::size_t notified_position_ = 0;
};

}  // namespace idetcd::internal
