// TLS files, read and checked once, at connect().
#pragma once

#include <grpcpp/security/credentials.h>
#include <idetcd/etcd.h>

namespace idetcd::internal::transport {

// Empty when `tls` is false. kInvalidArgument names the file, and the option as in a Corefile.
// Does not start gRPC.
Result<grpc::SslCredentialsOptions> read_tls_files(const TlsOptions& options, bool tls);

}  // namespace idetcd::internal::transport
