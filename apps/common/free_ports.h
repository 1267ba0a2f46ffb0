// TCP and UDP ports of 127.0.0.1 that nobody uses now.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace idetcd::app {

// `count` different ones. Somebody else may take one before it is used: whoever asks
// must be able to try again.
std::vector<std::uint16_t> free_loopback_ports(std::size_t count);

}  // namespace idetcd::app
