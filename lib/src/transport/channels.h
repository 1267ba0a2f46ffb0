// Channels: one channel per endpoint, and which of them is in use now.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>
#include <idetcd/etcd.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "transport/endpoint.h"
#include "transport/live_calls.h"

namespace idetcd::internal::transport {

struct Member {
  // What answers there: known from the first watch on (Watches). etcd's grpc-proxy answers
  // a keep-alive with what an earlier renewal of its own said.
  enum class Kind { kUnknown, kServer, kProxy };

  Member(Endpoint where, std::shared_ptr<grpc::Channel> over) : endpoint(std::move(where)), channel(std::move(over)) {}

  const Endpoint endpoint;
  const std::shared_ptr<grpc::Channel> channel;
  std::atomic<Kind> kind{Kind::kUnknown};

 private:
  friend class Channels;
  std::vector<std::shared_ptr<grpc::Channel>> apart_;  // guarded by Channels::mutex_
};

// Thread-safe; but for apart_from_others(), without a lock. Starts at a random member, so that many nodes with one
// list of endpoints spread over the cluster.
class Channels {
 public:
  Channels(const Endpoints& endpoints, const std::shared_ptr<grpc::ChannelCredentials>& credentials,
           const EtcdOptions& options);

  // Blocks until the last call is gone; whoever started one has cancelled it before.
  ~Channels();

  Member& current() noexcept { return *channels_[current_.load(std::memory_order_relaxed)]; }
  Member& after(const Member& member) noexcept;  // in the order of failing over; a ring

  // A channel to the member that has no connection yet: what is sent over it does not stand in line
  // behind what TCP tries to send again, ever more seldom, since the network lost it. Whoever
  // holds it uses it. The member's own, when too many are in use.
  std::shared_ptr<grpc::Channel> apart_from_others(Member& member);

  std::size_t size() const noexcept { return channels_.size(); }
  LiveCalls& calls() noexcept { return calls_; }  // all but those that block
  bool tls() const noexcept { return tls_; }

  // Without a lock of the caller's. The next member, or `better`, becomes the current one, if `failed` still is: a
  // thousand calls that failed together move on by one place, not by a thousand.
  void leave(Member& failed, const Member* better = nullptr);

  // Called with each member that is left, on the thread that leaves it. Set before the
  // first call.
  void on_leave(std::function<void(Member&)> told) { on_leave_ = std::move(told); }

 private:
  std::size_t index_of(const Member& member) const noexcept;

  const std::shared_ptr<grpc::ChannelCredentials> credentials_;
  const grpc::ChannelArguments arguments_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Member>> channels_;
  std::atomic<std::size_t> current_;
  const bool tls_;
  const LogSink log_;
  std::function<void(Member&)> on_leave_;
  LiveCalls calls_;
};

}  // namespace idetcd::internal::transport
