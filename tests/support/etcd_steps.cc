#include "support/etcd_steps.h"

#include "base/backoff.h"

#include <catch2/catch.hpp>

#include <future>
#include <utility>

namespace idetcd::testing {
using namespace internal;

LeaseId random_lease_id() {
  return static_cast<LeaseId>(random_seed() >> 1 | 1);
}

TxnReply commit(Etcd& etcd, const Txn& txn) {
  auto reply = etcd.txn(txn, {});
  if (!reply) FAIL(reply.error().message);
  return *std::move(reply);
}

Revision put(Etcd& etcd, const std::string& key, const std::string& value, LeaseId lease) {
  return commit(etcd, {{}, operations(PutRequest{key, value, lease}), {}}).header.revision;
}

Revision erase(Etcd& etcd, const KeyRange& keys) {
  return commit(etcd, {{}, operations(DeleteRequest{keys}), {}}).header.revision;
}

RangeReply list(Etcd& etcd, const KeyRange& keys) {
  RangeRequest request;
  request.keys = keys;
  auto reply = etcd.range(request, {});
  if (!reply) FAIL(reply.error().message);
  return *std::move(reply);
}

std::optional<KeyValue> get(Etcd& etcd, const std::string& key) {
  auto reply = list(etcd, KeyRange::one(key));
  REQUIRE(reply.kvs.size() <= 1);
  if (reply.kvs.empty()) return std::nullopt;
  return std::move(reply.kvs.front());
}

LeaseId grant(Etcd& etcd, std::chrono::seconds ttl) {
  const auto reply = etcd.lease_grant(random_lease_id(), ttl, {});
  if (!reply) FAIL(reply.error().message);
  return reply->id;
}

Result<KeepAliveReply> keep_alive(Etcd& etcd, LeaseId lease, std::chrono::milliseconds timeout) {
  // Shared with the callback: should it come too late, it still has where to write.
  auto answer = std::make_shared<std::promise<Result<KeepAliveReply>>>();
  auto future = answer->get_future();
  etcd.lease_keep_alive(lease, timeout,
                        [answer](Result<KeepAliveReply> reply) { answer->set_value(std::move(reply)); });
  REQUIRE(future.wait_for(timeout + kPatience) == std::future_status::ready);
  return future.get();
}

const RangeReply& range_reply(const TxnReply& reply, std::size_t index) {
  REQUIRE(index < reply.replies.size());
  const auto* range = std::get_if<RangeReply>(&reply.replies[index]);
  REQUIRE(range != nullptr);
  return *range;
}

const DeleteReply& delete_reply(const TxnReply& reply, std::size_t index) {
  REQUIRE(index < reply.replies.size());
  const auto* removed = std::get_if<DeleteReply>(&reply.replies[index]);
  REQUIRE(removed != nullptr);
  return *removed;
}

const TxnReply& txn_reply(const TxnReply& reply, std::size_t index) {
  REQUIRE(index < reply.replies.size());
  const auto* inner = std::get_if<std::unique_ptr<TxnReply>>(&reply.replies[index]);
  REQUIRE(inner != nullptr);
  REQUIRE(*inner != nullptr);
  return **inner;
}

// --- WatchLog -------------------------------------------------------------------

WatchLog::WatchLog(Etcd& etcd, const WatchRequest& request) {
  watch_ = etcd.watch(request, [this](Result<WatchBatch> batch) {
    std::lock_guard lock(mutex_);
    if (end_) {
      ++after_end_;
    } else if (batch) {
      batches_.push_back(*std::move(batch));
    } else {
      end_ = std::move(batch).error();
    }
    changed_.notify_all();
  });
}

bool WatchLog::wait(const std::function<bool()>& done) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, kPatience, done);
}

std::size_t WatchLog::event_count() const {
  std::size_t count = 0;
  for (const WatchBatch& batch : batches_) count += batch.events.size();
  return count;
}

bool WatchLog::established() const {
  return wait([this] { return !batches_.empty(); });
}

bool WatchLog::has_events(std::size_t count) const {
  return wait([this, count] { return event_count() >= count; });
}

bool WatchLog::has_ended() const {
  return wait([this] { return end_.has_value(); });
}

std::vector<WatchBatch> WatchLog::batches() const {
  std::lock_guard lock(mutex_);
  return batches_;
}

std::vector<Event> WatchLog::events() const {
  std::lock_guard lock(mutex_);
  std::vector<Event> all;
  for (const WatchBatch& batch : batches_) all.insert(all.end(), batch.events.begin(), batch.events.end());
  return all;
}

std::optional<Error> WatchLog::end() const {
  std::lock_guard lock(mutex_);
  return end_;
}

std::size_t WatchLog::callbacks_after_end() const {
  std::lock_guard lock(mutex_);
  return after_end_;
}

void WatchLog::stop() {
  watch_.reset();
}

}  // namespace idetcd::testing
