// FakeStore: etcd's data in memory, with all its revisions, and who holds what by
// which lease. A value: copying it is a backup. No threads, no time.
#pragma once

#include <idetcd/etcd.h>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace idetcd::testing {

class FakeStore {
 public:
  Revision revision() const noexcept { return revision_; }  // a new one is at 1, as etcd's
  Revision compacted() const noexcept { return compacted_; }

  // Of a reply's header only the revision is set.
  Result<RangeReply> range(const RangeRequest& request) const;
  // Precondition: check_txn() had nothing against it. All or nothing.
  Result<TxnReply> txn(const Txn& txn);

  // Afterwards there is no reading at a revision before `at`, and no watching.
  Status compact(Revision at);

  // All that happened to `keys` from revision `from` on, in order.
  std::vector<Event> events(const KeyRange& keys, Revision from) const;

  // False: it is there already.
  bool add_lease(LeaseId lease) { return leases_.try_emplace(lease).second; }
  // Deletes its keys, all in one revision. False: there is none.
  bool remove_lease(LeaseId lease);

 private:
  class Run;  // one transaction being carried out

  using History = std::vector<KeyValue>;  // ascending mod_revision; version 0: deleted

  static const KeyValue* at(const History& history, Revision revision);
  const KeyValue* find(const std::string& key) const;  // newest; null: not there
  Status check_revision(Revision revision) const;
  RangeReply read(const RangeRequest& request, Revision newest) const;
  bool holds(const Compare& compare) const;
  static bool holds(const Compare& compare, const KeyValue* kv);  // of that key; null: not there

  void put(const PutRequest& request, Revision revision);
  std::int64_t erase(const KeyRange& keys, Revision revision);
  void detach(const KeyValue& kv);

  Revision revision_ = 1;
  Revision compacted_ = 0;
  std::map<std::string, History> keys_;
  std::vector<Event> log_;  // ascending mod_revision
  std::map<LeaseId, std::set<std::string>> leases_;
};

}  // namespace idetcd::testing
