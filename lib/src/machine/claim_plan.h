// ClaimPlan: the claim as a pure machine. It yields transactions and takes their
// replies; it does no I/O, knows no time, and so can be driven through every
// interleaving in a test.
//
// One transaction takes the first free of K slots (etcd evaluates nested
// transactions atomically). If none of them is free it draws a ticket instead and
// lists what is taken: the r-th ticket is paired with the r-th free slot, so that
// thousands that start together go for different slots. Safety rests on the compare
// alone; the rank only says where to look.
#pragma once

#include "machine/occupancy.h"
#include "model/pool_keys.h"

#include <idetcd/etcd.h>
#include <idetcd/pattern_template.h>

#include <cstddef>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace idetcd::internal {

struct ClaimIntent {
  std::string node_id{};
  std::string address{};  // told to a duplicate of us
  std::string boot{};     // as NodeEntry has it
  std::string record{};   // JSON
  LeaseId session = 0;
  LeaseId grace = 0;             // 0: not sticky
  std::optional<SlotId> home{};  // the slot that we had before; tried first
};

struct Owned {
  SlotId slot = 0;
  Revision token = 0;
};

// None of the candidates was free, and we hold a ticket.
struct Ranked {
  std::size_t rank = 0;  // 1: ours is the oldest ticket
  std::size_t free = 0;  // slots that could be had at that moment
};

// Our node entry is there under a lease that is not ours.
struct Taken {
  LeaseId lease = 0;
  SlotId slot = 0;
  std::string address{};
  std::string boot{};
};

struct Malformed {};  // a reply that does not fit the transaction

using ClaimOutcome = std::variant<Owned, Ranked, Taken, Malformed>;

class ClaimPlan {
 public:
  static constexpr std::size_t kDefaultChain = 8;
  static constexpr std::size_t kAimedChain = 4;  // our own pair, and a few in case it is lost

  ClaimPlan(const PoolKeys& keys, const PatternTemplate& pattern, ClaimIntent intent);

  // The transaction to send now; the same again until a reply is taken, so a
  // transaction whose outcome is unknown can simply be sent again.
  Txn transaction() const;

  // After Ranked: if rank <= free, transaction() is now aimed at our pair; else
  // wait, then retarget() by what the watch shows.
  ClaimOutcome on_reply(const TxnReply& reply);

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
  ClaimOutcome owned_or_taken(const TxnReply& reply) const;
  ClaimOutcome ranked(const TxnReply& last_else);

  const PoolKeys& keys_;
  const PatternTemplate& pattern_;
  ClaimIntent intent_;
  std::size_t chain_length_ = kDefaultChain;
  std::vector<SlotId> candidates_;
  bool count_is_rank_ = true;  // while our ticket can only be the newest
};

}  // namespace idetcd::internal
