#include "transport/failure.h"

#include <fmt/format.h>

#include <array>

namespace idetcd::transport {
namespace {

struct Known {
  std::string_view text;  // part of etcd's or gRPC's message
  ErrorCode code;
  std::string_view remedy;
};

// What etcd says, by text: its gRPC codes are too coarse to tell these apart.
constexpr std::array kEtcdSays{
    Known{"requested lease not found", ErrorCode::kNotFound, ""},
    Known{"lease already exists", ErrorCode::kAlreadyExists, ""},
    Known{"required revision has been compacted", ErrorCode::kCompacted, "list again"},
    Known{"too many operations in txn request", ErrorCode::kTooManyOperations,
          "send fewer, or start etcd with a higher --max-txn-ops"},
    Known{"database space exceeded", ErrorCode::kNoSpace,
          "compact and defragment etcd, then clear the alarm with: etcdctl alarm disarm"},
    Known{"invalid user ID or password", ErrorCode::kDenied, "check user and password"},
    Known{"user name is empty", ErrorCode::kDenied, "this etcd wants a user and password"},
    Known{"permission denied", ErrorCode::kDenied, "grant the user's role the keys in question"},
    Known{"invalid auth token", ErrorCode::kDenied, ""},
    Known{"revision of auth store is old", ErrorCode::kDenied, ""},
    Known{"too many requests", ErrorCode::kUnavailable, ""},
    Known{"request is too large", ErrorCode::kInvalidArgument, ""},
    Known{"received message larger than max", ErrorCode::kInvalidArgument, "ask for less at once"},
    Known{"Received message larger than max", ErrorCode::kInvalidArgument, "ask for less at once"},
};

constexpr std::string_view kNoConnection = "failed to connect to all addresses";

const Known* find_known(std::string_view text) {
  for (const auto& known : kEtcdSays) {
    if (text.find(known.text) != std::string_view::npos) return &known;
  }
  return nullptr;
}

ErrorCode by_code(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::StatusCode::CANCELLED:
      return ErrorCode::kCancelled;
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return ErrorCode::kDeadlineExceeded;
    case grpc::StatusCode::PERMISSION_DENIED:
    case grpc::StatusCode::UNAUTHENTICATED:
      return ErrorCode::kDenied;
    case grpc::StatusCode::NOT_FOUND:
      return ErrorCode::kNotFound;
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::FAILED_PRECONDITION:
    case grpc::StatusCode::OUT_OF_RANGE:
      return ErrorCode::kInvalidArgument;
    case grpc::StatusCode::UNIMPLEMENTED:
    case grpc::StatusCode::DATA_LOSS:
      return ErrorCode::kInternal;
    case grpc::StatusCode::INTERNAL:
      // A stream that was torn, rather than an answer that made no sense.
      return status.error_message().find("RST_STREAM") != std::string::npos ? ErrorCode::kUnavailable
                                                                            : ErrorCode::kInternal;
    default:
      return ErrorCode::kUnavailable;  // the outcome is unknown, and another try may help
  }
}

Error error_of(ErrorCode code, const Endpoint& endpoint, std::string_view text, std::string_view remedy) {
  return {code, remedy.empty() ? fmt::format("etcd at {}: {}", endpoint.url, text)
                               : fmt::format("etcd at {}: {}; {}", endpoint.url, text, remedy)};
}

}  // namespace

Error to_error(const grpc::Status& status, const Endpoint& endpoint) {
  const auto& text = status.error_message();
  if (const auto* known = find_known(text)) return error_of(known->code, endpoint, text, known->remedy);
  return error_of(by_code(status), endpoint, text, "");
}

Error to_error(std::string_view cancel_reason, const Endpoint& endpoint) {
  if (const auto* known = find_known(cancel_reason)) {
    return error_of(known->code, endpoint, cancel_reason, known->remedy);
  }
  return error_of(ErrorCode::kUnavailable, endpoint, cancel_reason, "");
}

bool refuses_token(const grpc::Status& status) {
  const auto& text = status.error_message();
  return status.error_code() == grpc::StatusCode::UNAUTHENTICATED ||
         text.find("invalid auth token") != std::string::npos ||
         text.find("revision of auth store is old") != std::string::npos ||
         text.find("user name is empty") != std::string::npos;
}

bool never_sent(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::UNAVAILABLE && status.error_message().starts_with(kNoConnection);
}

}  // namespace idetcd::transport
