#include "transport/checked_options.h"

#include <fmt/format.h>

#include "transport/credentials.h"

namespace idetcd::internal::transport {

Result<CheckedOptions> checked_options(const EtcdOptions& options) {
  auto endpoints = parse_endpoints(options.endpoints);
  if (!endpoints) return std::move(endpoints).error();
  if (options.user.empty() && !options.password.empty()) {
    return Error{ErrorCode::kInvalidArgument, "a password for etcd is given without a user; set user too", "password"};
  }
  if (options.connect_timeout.count() <= 0 || options.connect_timeout > std::chrono::hours(1)) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("connect timeout {} ms is out of range; give 1 ms to 1 h",
                                                          options.connect_timeout.count())};
  }
  auto tls = read_tls_files(options.tls, endpoints->tls);
  if (!tls) return std::move(tls).error();
  return CheckedOptions{std::move(*endpoints), std::move(*tls)};
}

std::shared_ptr<grpc::ChannelCredentials> CheckedOptions::credentials() const {
  return endpoints.tls ? grpc::SslCredentials(tls) : grpc::InsecureChannelCredentials();
}

}  // namespace idetcd::internal::transport
