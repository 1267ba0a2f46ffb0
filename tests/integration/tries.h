// Calls that may fail, for the tests that are about failing; support/etcd_steps.h has
// those that must not.
#pragma once

#include <idetcd/etcd.h>

#include <future>
#include <memory>
#include <string>
#include <utility>

#include "support/etcd_steps.h"
#include "support/eventually.h"

namespace idetcd::testing {

inline Status try_put(Etcd& etcd, std::string key, std::string value, LeaseId lease = 0) {
  Txn txn;
  txn.success.emplace_back(PutRequest{std::move(key), std::move(value), lease});
  auto reply = etcd.txn(txn, {});
  if (!reply) return std::move(reply).error();
  return {};
}

inline Result<RangeReply> try_get(Etcd& etcd, std::string key, const CallOptions& options = {}) {
  RangeRequest request;
  request.keys = KeyRange::one(std::move(key));
  return etcd.range(request, options);
}

using KeepAliveFuture = std::future<Result<KeepAliveReply>>;

inline KeepAliveFuture start_keep_alive(Etcd& etcd, LeaseId lease, std::chrono::milliseconds timeout) {
  auto promise = std::make_shared<std::promise<Result<KeepAliveReply>>>();
  auto future = promise->get_future();
  etcd.lease_keep_alive(lease, timeout,
                        [promise](Result<KeepAliveReply> reply) { promise->set_value(std::move(reply)); });
  return future;
}

}  // namespace idetcd::testing
