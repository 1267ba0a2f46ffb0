#include "transport/channels.h"

#include <fmt/format.h>
#include <grpc/support/log.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/support/channel_arguments.h>

#include <cstdlib>

#include "base/backoff.h"

namespace idetcd::internal::transport {
namespace {

constexpr int kMaxReplyBytes = 64 << 20;

grpc::ChannelArguments channel_arguments(const EtcdOptions& options) {
  grpc::ChannelArguments arguments;
  // Reconnect soon: who waits how long is decided above, with jitter.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  // In spite of its name, the time that one attempt to connect may take.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, static_cast<int>(options.connect_timeout.count()));
  // etcd closes connections that ping more often than every 5 s.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);  // or a quiet watch is pinged twice and never again
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(kMaxReplyBytes);
  if (!options.tls.server_name.empty()) arguments.SetSslTargetNameOverride(options.tls.server_name);
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

Member::Member(Endpoint where, std::shared_ptr<grpc::Channel> over)
    : endpoint(std::move(where)),
      channel(std::move(over)),
      kv(channel),
      lease(channel),
      watch(channel),
      auth(channel) {}

Channels::Channels(const Endpoints& endpoints, const std::shared_ptr<grpc::ChannelCredentials>& credentials,
                   const EtcdOptions& options)
    : current_(random_seed() % endpoints.members.size()), tls_(endpoints.tls), log_(options.log) {
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

void Channels::leave(const Member& failed) {
  auto index = current_.load(std::memory_order_relaxed);
  if (channels_.size() == 1 || channels_[index].get() != &failed) return;
  const auto next = (index + 1) % channels_.size();
  if (!current_.compare_exchange_strong(index, next, std::memory_order_relaxed)) return;
  if (log_) {
    log_(LogLevel::kInfo, fmt::format("etcd at {} does not answer; switching to {}", failed.endpoint.url,
                                      channels_[next]->endpoint.url));
  }
}

}  // namespace idetcd::internal::transport
