// WaitingRoom: a pool as a waiting claimant sees it, kept up by two watches, so that
// it asks etcd only when its turn has come. Pure: lists and batches in, rank and
// free slots out.
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
#include <string>
#include <unordered_map>

namespace idetcd::internal {

class WaitingRoom {
 public:
  WaitingRoom(const PoolKeys& keys, const PatternTemplate& pattern, std::string node_id);

  // The transaction whose reply load() takes.
  Txn listing() const;

  // False: our ticket is not there (the lease has ended), or not such a reply.
  bool load(const TxnReply& reply);

  Revision revision() const noexcept { return revision_; }  // of the listing; watch from the next one

  void apply_members(const WatchBatch& batch);  // of PoolKeys::members()
  void apply_records(const WatchBatch& batch);  // of PoolKeys::records()

  bool queued() const noexcept { return ticket_ != 0; }             // our ticket is there
  std::size_t rank() const noexcept { return ahead_.count() + 1; }  // 1 is next
  const Occupancy& occupancy() const noexcept { return occupancy_; }

  // Which free slot is ours; as TicketCount has it.
  std::size_t pairing() const { return ahead_.pairing(occupancy_); }
  bool my_turn() const { return queued() && pairing() <= occupancy_.free(); }

 private:
  void member_put(const KeyValue& kv);
  void member_deleted(const std::string& key);
  struct Ticket {
    Revision created = 0;
    SlotId limit = 0;  // of the node that waits; as ours if it did not say
  };

  void ticket_put(const std::string& node, const KeyValue& kv);
  void ticket_gone(const std::string& node);
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
  Revision revision_ = 0;
};

}  // namespace idetcd::internal
