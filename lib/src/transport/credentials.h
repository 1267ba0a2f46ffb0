// Credentials: TLS files read and checked once, at connect().
#pragma once

#include <grpcpp/security/credentials.h>
#include <idetcd/etcd.h>

#include <memory>

namespace idetcd::internal::transport {

// Plain ones when `tls` is false. kInvalidArgument names the file or option that is wrong.
Result<std::shared_ptr<grpc::ChannelCredentials>> make_credentials(const TlsOptions& options, bool tls);

}  // namespace idetcd::internal::transport
