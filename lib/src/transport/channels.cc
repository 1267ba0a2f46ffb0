#include "transport/channels.h"

#include <fmt/format.h>
#include <grpc/support/log.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <cstdlib>

#include "base/backoff.h"

namespace idetcd::internal::transport {
namespace {

constexpr int kMaxReplyBytes = 64 << 20;

// TCP sends a lost SYN again after 1 s, then after 2 s more: a new attempt tries sooner.
constexpr std::chrono::milliseconds kMaxConnect{2000};
constexpr std::chrono::milliseconds kMaxConnectApart{1000};
constexpr std::size_t kMaxApart = 4;  // of each member

grpc::ChannelArguments channel_arguments(const EtcdOptions& options) {
  grpc::ChannelArguments arguments;
  // Reconnect soon: who waits how long is decided above, with jitter.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 300);
  // In spite of its name, the time that one attempt to connect may take.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS,
                   static_cast<int>(std::min(options.connect_timeout, kMaxConnect).count()));
  // etcd closes connections that ping more often than every 5 s. The time-out is also that
  // of the kernel for data nobody acknowledges (TCP_USER_TIMEOUT): after it a connection
  // that was cut is made anew, instead of waiting for TCP's next try, which is ever later.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 3'000);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);  // or a quiet watch is pinged twice and never again
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(kMaxReplyBytes);
  if (!options.tls.server_name.empty()) arguments.SetSslTargetNameOverride(options.tls.server_name);
  return arguments;
}

// Of a channel for one call, which is closed soon after it.
grpc::ChannelArguments arguments_apart(const EtcdOptions& options) {
  auto arguments = channel_arguments(options);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS,
                   static_cast<int>(std::min(options.connect_timeout, kMaxConnectApart).count()));
  arguments.SetInt(GRPC_ARG_CLIENT_IDLE_TIMEOUT_MS, 1'000);
  return arguments;
}

// gRPC writes its troubles to stderr; a library of ours stays silent. Only the
// default is changed: GRPC_VERBOSITY, or a level the program chose, stands.
void silence_grpc() {
  const bool untouched = gpr_should_log(GPR_LOG_SEVERITY_ERROR) != 0 && gpr_should_log(GPR_LOG_SEVERITY_INFO) == 0;
  if (untouched && std::getenv("GRPC_VERBOSITY") == nullptr) {
    gpr_set_log_verbosity(static_cast<gpr_log_severity>(GPR_LOG_SEVERITY_ERROR + 1));
  }
}

}  // namespace

Channels::Channels(const Endpoints& endpoints, const std::shared_ptr<grpc::ChannelCredentials>& credentials,
                   const EtcdOptions& options)
    : credentials_(credentials),
      arguments_(arguments_apart(options)),
      current_(random_seed() % endpoints.members.size()),
      tls_(endpoints.tls),
      log_(options.log) {
  const auto arguments = channel_arguments(options);
  for (const auto& endpoint : endpoints.members) {
    channels_.push_back(
        std::make_unique<Member>(endpoint, grpc::CreateCustomChannel(endpoint.target, credentials, arguments)));
  }
  silence_grpc();
}

Channels::~Channels() {
  calls_.wait_for_none();
}

// Channels stay until the end, for they may not go on a thread of gRPC's (LiveCalls).
std::shared_ptr<grpc::Channel> Channels::apart_from_others(Member& member) {
  const std::lock_guard lock(mutex_);
  for (const auto& channel : member.apart_) {
    if (channel.use_count() == 1 && channel->GetState(false) != GRPC_CHANNEL_READY) return channel;
  }
  if (member.apart_.size() == kMaxApart) return member.channel;
  return member.apart_.emplace_back(grpc::CreateCustomChannel(member.endpoint.target, credentials_, arguments_));
}

std::size_t Channels::index_of(const Member& member) const noexcept {
  std::size_t index = 0;
  while (channels_[index].get() != &member) ++index;
  return index;
}

Member& Channels::after(const Member& member) noexcept {
  return *channels_[(index_of(member) + 1) % channels_.size()];
}

void Channels::leave(Member& failed, const Member* better) {
  auto index = current_.load(std::memory_order_relaxed);
  if (channels_.size() == 1 || channels_[index].get() != &failed) return;
  const auto next = index_of(better != nullptr ? *better : after(failed));
  if (!current_.compare_exchange_strong(index, next, std::memory_order_relaxed)) return;
  if (log_) {
    log_(LogLevel::kInfo, fmt::format("etcd at {} does not answer; switching to {}", failed.endpoint.url,
                                      channels_[next]->endpoint.url));
  }
  if (on_leave_) on_leave_(failed);
}

}  // namespace idetcd::internal::transport
