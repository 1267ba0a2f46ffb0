// checked_options(): EtcdOptions, read and checked.
#pragma once

#include <grpcpp/security/credentials.h>
#include <idetcd/etcd.h>

#include <memory>

#include "transport/endpoint.h"

namespace idetcd::internal::transport {

struct CheckedOptions {
  Endpoints endpoints;
  grpc::SslCredentialsOptions tls;

  std::shared_ptr<grpc::ChannelCredentials> credentials() const;  // starts gRPC
};

// kInvalidArgument names the option. Does not start gRPC.
Result<CheckedOptions> checked_options(const EtcdOptions& options);

}  // namespace idetcd::internal::transport
