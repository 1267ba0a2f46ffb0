// PreviousClaim: the claim of the version before turns and plans, as it was: every
// claimant that finds none of eight slots free draws a ticket and lists the pool. Nodes of
// both versions share pools while a cluster is upgraded.
#pragma once

#include "machine/claim_machine.h"

#include <cstddef>
#include <variant>
#include <vector>

namespace idetcd::testing {
using namespace internal;

struct Ranked {
  std::size_t rank = 0;
  std::size_t free = 0;
};
using PreviousOutcome = std::variant<Owned, Ranked, Taken, Malformed>;

class PreviousClaim {
 public:
  static constexpr std::size_t kDefaultChain = 8;
  static constexpr std::size_t kAimedChain = 4;  // our own pair, and a few in case it is lost

  PreviousClaim(const PoolKeys& keys, const PatternTemplate& pattern, ClaimIntent intent);

  // The transaction to send now; the same again until a reply is taken, so a
  // transaction whose outcome is unknown can simply be sent again.
  Txn transaction() const;

  // After Ranked: if rank <= free, transaction() is now aimed at our pair; else
  // wait, then retarget() by what the watch shows.
  PreviousOutcome on_reply(const TxnReply& reply);

  // The outcome of the last one is unknown: our ticket may be an old one.
  void outcome_unknown() noexcept { count_is_rank_ = false; }

  // False if the chain cannot get shorter: etcd's limit is too low for us.
  bool shorten_chain() noexcept;

  void retarget(const Occupancy& occupancy, std::size_t rank);

 private:
  Txn chain() const;
  Txn try_slot(SlotId slot, bool held_for_us) const;
  Txn leave_home() const;
  std::vector<Operation> draw_ticket() const;
  PreviousOutcome owned_or_taken(const TxnReply& reply) const;
  PreviousOutcome ranked(const TxnReply& last_else);

  const PoolKeys& keys_;
  const PatternTemplate& pattern_;
  ClaimIntent intent_;
  std::size_t chain_length_ = kDefaultChain;
  std::vector<SlotId> candidates_;
  bool count_is_rank_ = true;  // while our ticket can only be the newest
};

}  // namespace idetcd::testing
