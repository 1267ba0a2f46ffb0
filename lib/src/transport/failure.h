// Failure: what a gRPC status means to us.
#pragma once

#include <grpcpp/support/status.h>
#include <idetcd/result.h>

#include <string_view>

#include "transport/endpoint.h"

namespace idetcd::internal::transport {

// For a status that is not OK. The message names the member's URL, and the remedy
// where there is one.
Error to_error(const grpc::Status& status, const Endpoint& endpoint);

// For the reason that etcd gives when it ends a watch.
Error to_error(std::string_view cancel_reason, const Endpoint& endpoint);

// The token is missing, expired or older than the last change of users and roles.
// etcd checks it before it applies anything.
bool refuses_token(const grpc::Status& status);

// The answer is larger than what we take.
bool too_large(const grpc::Status& status);

// There was no connection: the request cannot have reached anybody.
bool never_sent(const grpc::Status& status);

// Somebody listens there, but hung up before anything was said: a server of the other
// scheme, one that wants a client certificate, or one that is just going down.
bool closed_while_connecting(const grpc::Status& status);

// Another member may do better.
inline bool blames_member(ErrorCode code) {
  return code == ErrorCode::kUnavailable || code == ErrorCode::kDeadlineExceeded || code == ErrorCode::kUntrusted;
}

}  // namespace idetcd::internal::transport
