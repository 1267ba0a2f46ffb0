// What is known of etcd's releases.
#pragma once

#include <string_view>

namespace idetcd::internal::transport {

// Whether this release may end living leases: a leader that was stopped for longer than a
// lease's time revokes it when it goes on, though the leader elected meanwhile has renewed it
// (etcd issue 15247; fixed in 3.4.31, 3.5.13 and 3.6.0). False for what is no version.
bool may_revoke_living_leases(std::string_view version);

}  // namespace idetcd::internal::transport
