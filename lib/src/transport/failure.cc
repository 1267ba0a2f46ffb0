#include "transport/failure.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace idetcd::internal::transport {
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
    Known{"user name is empty", ErrorCode::kDenied, "etcd requires a user and password"},
    Known{"permission denied", ErrorCode::kDenied, "the user's role has no permission for these keys"},
    Known{"invalid auth token", ErrorCode::kDenied, ""},
    Known{"revision of auth store is old", ErrorCode::kDenied, ""},
    Known{"too many requests", ErrorCode::kUnavailable, ""},
    Known{"request is too large", ErrorCode::kInvalidArgument, ""},
    Known{"received message larger than max", ErrorCode::kInvalidArgument, "request less at once"},
    Known{"Received message larger than max", ErrorCode::kInvalidArgument, "request less at once"},
};

// What gRPC says when it gets no connection.
constexpr std::array kConnectingFails{
    Known{"certificate verify failed", ErrorCode::kUntrusted,
          "its certificate has expired, or no CA that is trusted here has signed it: give the cluster's CA file"},
    Known{"is not in peer certificate", ErrorCode::kUntrusted,
          "use a name that its certificate carries, or set the server name to expect"},
    Known{"SSL_ERROR_SSL", ErrorCode::kUntrusted, "is this an https endpoint, with this CA, certificate and key?"},
    Known{"Connection refused", ErrorCode::kUnavailable, "is etcd running there?"},
    Known{"DNS resolution failed", ErrorCode::kUnavailable, "check the host name"},
};

constexpr std::string_view kNoConnection = "failed to connect to all addresses";
constexpr std::string_view kTlsFilesUnusable = "empty address list";

template <std::size_t size>
const Known* find_known(const std::array<Known, size>& table, std::string_view text) {
  const auto found = std::find_if(table.begin(), table.end(),
                                  [&](const Known& known) { return text.find(known.text) != std::string_view::npos; });
  return found == table.end() ? nullptr : &*found;
}

// "failed to connect to all addresses; last error: UNKNOWN: ipv4:10.0.0.1:2379: why" -> "why"
std::string_view reason_of(std::string_view text) {
  constexpr std::string_view kLast = "last error: ";
  if (const auto last = text.find(kLast); last != std::string_view::npos) text.remove_prefix(last + kLast.size());
  for (const std::string_view skipped : {"UNKNOWN: ", "UNAVAILABLE: ", "INTERNAL: ", "ipv4:", "ipv6:"}) {
    if (!text.starts_with(skipped)) continue;
    const auto end = text.find(": ");
    if (end != std::string_view::npos) text.remove_prefix(end + 2);
  }
  return text;
}

ErrorCode by_code(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::StatusCode::CANCELLED: return ErrorCode::kCancelled;
    case grpc::StatusCode::DEADLINE_EXCEEDED: return ErrorCode::kDeadlineExceeded;
    case grpc::StatusCode::PERMISSION_DENIED:
    case grpc::StatusCode::UNAUTHENTICATED: return ErrorCode::kDenied;
    case grpc::StatusCode::NOT_FOUND: return ErrorCode::kNotFound;
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::FAILED_PRECONDITION:
    case grpc::StatusCode::OUT_OF_RANGE: return ErrorCode::kInvalidArgument;
    case grpc::StatusCode::UNIMPLEMENTED:
    case grpc::StatusCode::DATA_LOSS: return ErrorCode::kInternal;
    case grpc::StatusCode::INTERNAL:
      // A stream that was torn, rather than an answer that made no sense.
      return status.error_message().find("RST_STREAM") != std::string::npos ? ErrorCode::kUnavailable
                                                                            : ErrorCode::kInternal;
    default: return ErrorCode::kUnavailable;  // the outcome is unknown, and another try may help
  }
}

Error error_of(ErrorCode code, const Endpoint& endpoint, std::string_view text, std::string_view remedy) {
  return {code, remedy.empty() ? fmt::format("etcd at {}: {}", endpoint.url, text)
                               : fmt::format("etcd at {}: {}; {}", endpoint.url, text, remedy)};
}

}  // namespace

Error to_error(const grpc::Status& status, const Endpoint& endpoint) {
  const auto& text = status.error_message();
  const bool tls = endpoint.url.starts_with("https");
  if (const auto* known = find_known(kEtcdSays, text)) return error_of(known->code, endpoint, text, known->remedy);
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return error_of(ErrorCode::kDeadlineExceeded, endpoint, "no answer in time", "");
  }
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE) {
    const auto reason = fmt::format("no connection: {}", reason_of(text));
    if (const auto* known = find_known(kConnectingFails, text)) {
      return error_of(known->code, endpoint, reason, known->remedy);
    }
    if (tls && text.starts_with(kTlsFilesUnusable)) {
      return error_of(ErrorCode::kUntrusted, endpoint, "cannot use the TLS files",
                      "the CA file is damaged, or the key does not belong to the certificate");
    }
    if (closed_while_connecting(status)) {
      return error_of(
          ErrorCode::kUnavailable, endpoint, reason,
          tls ? "is it an https endpoint? if it wants a client certificate (mutual TLS), give one with its key"
              : "if it speaks TLS, write https://");
    }
  }
  return error_of(by_code(status), endpoint, text, "");
}

Error to_error(std::string_view cancel_reason, const Endpoint& endpoint) {
  if (const auto* known = find_known(kEtcdSays, cancel_reason)) {
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

bool too_large(const grpc::Status& status) {
  return status.error_message().find("Received message larger than max") != std::string::npos;
}

bool never_sent(const grpc::Status& status) {
  const auto& text = status.error_message();
  return status.error_code() == grpc::StatusCode::UNAVAILABLE &&
         (text.starts_with(kNoConnection) || text.starts_with(kTlsFilesUnusable) ||
          text.starts_with("DNS resolution failed"));
}

bool closed_while_connecting(const grpc::Status& status) {
  const auto& text = status.error_message();
  const auto says = [&](std::string_view what) { return text.find(what) != std::string::npos; };
  return text.starts_with(kNoConnection) &&
         (says("Socket closed") || says("Endpoint read failed") || says("Connection reset by peer"));
}

}  // namespace idetcd::internal::transport
