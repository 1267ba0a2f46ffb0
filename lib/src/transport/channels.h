// Channels: one channel per endpoint, and which of them is in use now.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/security/credentials.h>
#include <idetcd/etcd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <vector>

#include "etcd.grpc.pb.h"
#include "transport/endpoint.h"
#include "transport/live_calls.h"

namespace idetcd::internal::transport {

namespace pb = etcdserverpb;

struct Member {
  Member(Endpoint where, std::shared_ptr<grpc::Channel> over);

  const Endpoint endpoint;
  const std::shared_ptr<grpc::Channel> channel;
  pb::KV::Stub kv;
  pb::Lease::Stub lease;
  pb::Watch::Stub watch;
  pb::Auth::Stub auth;
};

// Thread-safe without a lock. Starts at a random member, so that many nodes with one
// list of endpoints spread over the cluster.
class Channels {
 public:
  Channels(const Endpoints& endpoints, const std::shared_ptr<grpc::ChannelCredentials>& credentials,
           const EtcdOptions& options);

  // Blocks until the last call is gone; whoever started one has cancelled it before.
  ~Channels();

  Member& current() noexcept { return *channels_[current_.load(std::memory_order_relaxed)]; }
  std::size_t size() const noexcept { return channels_.size(); }
  LiveCalls& calls() noexcept { return calls_; }  // all but those that block
  bool tls() const noexcept { return tls_; }

  // The next member becomes the current one, if `failed` still is: a thousand calls
  // that failed together move on by one place, not by a thousand.
  void leave(const Member& failed);

 private:
  std::vector<std::unique_ptr<Member>> channels_;
  std::atomic<std::size_t> current_;
  const bool tls_;
  const LogSink log_;
  LiveCalls calls_;
};

}  // namespace idetcd::internal::transport
