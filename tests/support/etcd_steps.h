// Words for tests that speak to an Etcd: they do one thing and fail the test, by
// Catch2's REQUIRE, if that goes wrong. Test thread only, but for what WatchLog records.
#pragma once

#include <idetcd/etcd.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "support/eventually.h"

namespace idetcd::testing {

LeaseId random_lease_id();

Revision put(Etcd& etcd, const std::string& key, const std::string& value, LeaseId lease = 0);
Revision erase(Etcd& etcd, const KeyRange& keys);
RangeReply list(Etcd& etcd, const KeyRange& keys);
std::optional<KeyValue> get(Etcd& etcd, const std::string& key);
LeaseId grant(Etcd& etcd, std::chrono::seconds ttl);

// Waits for the answer; `timeout` is also how long etcd has.
Result<KeepAliveReply> keep_alive(Etcd& etcd, LeaseId lease,
                                  std::chrono::milliseconds timeout = std::chrono::seconds{5});

TxnReply commit(Etcd& etcd, const Txn& txn);
const RangeReply& range_reply(const TxnReply& reply, std::size_t index);
const DeleteReply& delete_reply(const TxnReply& reply, std::size_t index);
const TxnReply& txn_reply(const TxnReply& reply, std::size_t index);

// A list of operations: std::initializer_list cannot hold what only moves.
template <class... Operations>
std::vector<Operation> operations(Operations... list) {
  std::vector<Operation> all;
  all.reserve(sizeof...(list));
  (all.emplace_back(std::move(list)), ...);
  return all;
}
inline std::unique_ptr<Txn> nested(Txn txn) {
  return std::make_unique<Txn>(std::move(txn));
}

// A watch and all that it said.
class WatchLog {
 public:
  WatchLog(Etcd& etcd, const WatchRequest& request);

  // Wait up to kPatience and give whether it came to that.
  bool established() const;
  bool has_events(std::size_t count) const;
  bool has_ended() const;

  std::vector<WatchBatch> batches() const;  // the first, empty one too
  std::vector<Event> events() const;
  std::optional<Error> end() const;
  std::size_t callbacks_after_end() const;

  void stop();  // destroys the watch

 private:
  bool wait(const std::function<bool()>& done) const;
  std::size_t event_count() const;

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<WatchBatch> batches_;  // guarded by mutex_, as are the next two
  std::optional<Error> end_;
  std::size_t after_end_ = 0;
  std::unique_ptr<Watch> watch_;
};

}  // namespace idetcd::testing
