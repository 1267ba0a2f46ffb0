#include "transport/scheme_probe.h"

#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include "transport/deadline.h"
#include "transport/failure.h"
#include "transport/method.h"

namespace idetcd::internal::transport {
namespace {

grpc::Status ask(const Endpoint& endpoint, const std::shared_ptr<grpc::ChannelCredentials>& credentials,
                 std::chrono::milliseconds limit) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  const auto channel = grpc::CreateCustomChannel(endpoint.target, credentials, arguments);
  grpc::ClientContext context;
  context.set_deadline(from_now(limit));
  pb::StatusResponse ignored;
  return kStatus.ask(channel, context, &ignored);
}

bool came_through(const grpc::Status& status) {
  return status.error_code() != grpc::StatusCode::UNAVAILABLE &&
         status.error_code() != grpc::StatusCode::DEADLINE_EXCEEDED;
}

}  // namespace

bool speaks_other_scheme(const Endpoint& endpoint, bool tls, std::chrono::milliseconds limit) {
  if (tls) return came_through(ask(endpoint, grpc::InsecureChannelCredentials(), limit));
  // Whether its certificate is any good is another matter: it has shown one.
  Endpoint https = endpoint;
  https.url.replace(0, std::string_view("http").size(), "https");
  const auto status = ask(https, grpc::SslCredentials({}), limit);
  return came_through(status) || to_error(status, https).code == ErrorCode::kUntrusted;
}

}  // namespace idetcd::internal::transport
