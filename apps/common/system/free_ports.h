// Ports of 127.0.0.1 that are free for both TCP and UDP.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace idetcd::app {

// `count` different ports. Another process may take one before it is used, so the caller
// must be able to retry. Throws Exit with kExitOs if there are not enough.
std::vector<std::uint16_t> free_loopback_ports(std::size_t count);

}  // namespace idetcd::app
