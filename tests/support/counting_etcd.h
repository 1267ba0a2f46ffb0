// CountingEtcd: any Etcd, and how many requests went through.
#pragma once

#include <idetcd/etcd.h>

#include <atomic>
#include <cstdint>
#include <memory>

namespace idetcd::testing {

class CountingEtcd : public Etcd {
 public:
  explicit CountingEtcd(std::shared_ptr<Etcd> inner) : inner_(std::move(inner)) {}

  // Unary calls; keep-alives and watches are not requests but messages on a stream.
  std::uint64_t requests() const noexcept { return requests_.load(); }
  std::uint64_t keep_alives() const noexcept { return keep_alives_.load(); }

  Result<RangeReply> range(const RangeRequest& request, const CallOptions& options) override {
    ++requests_;
    return inner_->range(request, options);
  }
  Result<TxnReply> txn(const Txn& txn, const CallOptions& options) override {
    ++requests_;
    return inner_->txn(txn, options);
  }
  Result<LeaseGrantReply> lease_grant(LeaseId id, std::chrono::seconds ttl, const CallOptions& options) override {
    ++requests_;
    return inner_->lease_grant(id, ttl, options);
  }
  Status lease_revoke(LeaseId id, const CallOptions& options) override {
    ++requests_;
    return inner_->lease_revoke(id, options);
  }
  void lease_keep_alive(LeaseId id, std::chrono::milliseconds timeout, KeepAliveCallback done) override {
    ++keep_alives_;
    inner_->lease_keep_alive(id, timeout, std::move(done));
  }
  std::unique_ptr<Watch> watch(const WatchRequest& request, WatchCallback callback) override {
    return inner_->watch(request, std::move(callback));
  }

 private:
  const std::shared_ptr<Etcd> inner_;
  std::atomic<std::uint64_t> requests_{0};
  std::atomic<std::uint64_t> keep_alives_{0};
};

}  // namespace idetcd::testing
