// SchemeProbe: tells a wrong scheme (https:// to a plain etcd, or the reverse) from an
// etcd that is just going down; gRPC reports both as a closed connection.
#pragma once

#include <chrono>

#include "transport/endpoint.h"

namespace idetcd::internal::transport {

// Asks once in the other scheme, over a connection of its own; sends no secret. True
// only when it is certain. Blocks for `limit` at most.
bool speaks_other_scheme(const Endpoint& endpoint, bool tls, std::chrono::milliseconds limit);

}  // namespace idetcd::internal::transport
