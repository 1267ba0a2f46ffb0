// WaitingRoom: a pool as a waiting claimant sees it, kept up by watches, so that it asks
// etcd only when its turn has come. Pure: lists and batches in, rank and free slots out.
//
// A waiter behind others follows the queue alone. Only the next one follows the slots:
// from a listing, or from what its predecessor has handed over together with its claim.
//
// A slot counts as taken while its record or its owner's node entry is there. The
// two watches may show one transaction at different moments; with both reasons a
// claim in between never looks like a freed slot. Tickets and node entries are in
// one range and so change together.
#pragma once

#include "machine/occupancy.h"
#include "machine/ticket_count.h"
#include "model/pool_keys.h"

#include <idetcd/etcd.h>

#include <cstddef>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace idetcd::internal {

class WaitingRoom {
 public:
  WaitingRoom(const PoolKeys& keys, const PatternTemplate& pattern, std::string node_id);

  // All tickets at `revision`; no slots are known. False: ours is not there.
  bool enter(const std::vector<KeyValue>& tickets, Revision revision);

  // The transaction whose reply load() takes: tickets and slots.
  Txn listing() const;

  // False: our ticket is not there (the lease has ended), or not such a reply.
  bool load(const TxnReply& reply);

  Revision revision() const noexcept { return revision_; }  // watch from the next one

  // Instead of load(), with what the predecessor knew.
  enum class TakeOver {
    kDone,       // together with what our watches have shown
    kWatchAnew,  // owners and records, from revision() + 1
    kNothing,    // it has left nothing, or died: load() is needed
  };
  TakeOver take_over();
  // A watch of owners or records was established at this revision, before any take-over.
  void owners_watched(Revision revision) noexcept { owners_since_ = revision; }
  void records_watched(Revision revision) noexcept { records_since_ = records_seen_ = revision; }
  bool knows_slots() const noexcept { return knows_slots_; }
  bool is_next() const noexcept { return ahead_.rivals() == 0; }
  bool is_second() const noexcept { return ahead_.rivals() == 1; }

  // What we leave to the next one, if there is one that it helps.
  std::optional<SlotPlan> handover() const;

  void apply_queue(const WatchBatch& batch);    // of PoolKeys::queue()
  void apply_members(const WatchBatch& batch);  // of PoolKeys::owners() or members()
  void apply_records(const WatchBatch& batch);  // of PoolKeys::records()

  bool queued() const noexcept { return ticket_ != 0; }             // our ticket is there
  std::size_t rank() const noexcept { return ahead_.count() + 1; }  // 1 is next
  const Occupancy& occupancy() const noexcept { return occupancy_; }

  // Which free slot is ours; as TicketCount has it.
  std::size_t pairing() const { return ahead_.pairing(occupancy_); }
  bool my_turn() const { return queued() && knows_slots_ && pairing() <= occupancy_.free(); }

 private:
  struct Handover {
    SlotPlan free;
    Revision at = 0;
  };

  void member_put(const KeyValue& kv);
  void member_deleted(const KeyValue& kv);
  struct Ticket {
    Revision created = 0;
    SlotId limit = 0;  // of the node that waits; as ours if it did not say
  };

  void ticket_put(const std::string& node, const KeyValue& kv);
  void ticket_gone(const std::string& node, Revision at);
  void node_put(const std::string& node, const std::string& value);
  void node_gone(const std::string& node);

  const PoolKeys& keys_;
  const PatternTemplate& pattern_;
  const std::string node_id_;
  Occupancy occupancy_;
  std::unordered_map<std::string, SlotId> owners_;   // node id -> its slot
  std::unordered_map<std::string, Ticket> tickets_;  // of other nodes, by node id
  Revision ticket_ = 0;                              // ours; 0: not there
  TicketCount ahead_;                                // tickets older than ours
  std::unordered_set<SlotId> holds_;
  bool knows_slots_ = false;
  Revision known_at_ = 0;                         // of the listing or handover: it includes all events up to here
  std::unordered_map<SlotId, Revision> touched_;  // slots whose record came or went while we watched, and when
  std::optional<Revision> owners_since_;          // the watches show all that happened later
  std::optional<Revision> records_since_;
  std::optional<Handover> handover_;  // the last that we saw
  Revision departed_ = 0;             // when the last ticket older than ours went
  Revision revision_ = 0;
  Revision records_seen_ = 0;
};

}  // namespace idetcd::internal
