// The peer of a socket, as the answer path knows it.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>
#include <ctime>

#include "answer/answer.h"

namespace idetcd::resolver {

inline Ipv6 peer_address(const sockaddr_storage& address) noexcept {
  Ipv6 peer;
  if (address.ss_family == AF_INET) {
    constexpr Ipv6 kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    peer = kMapped;
    std::memcpy(peer.data() + 12, reinterpret_cast<const char*>(&address) + offsetof(sockaddr_in, sin_addr), 4);
  } else {
    std::memcpy(peer.data(), reinterpret_cast<const char*>(&address) + offsetof(sockaddr_in6, sin6_addr), 16);
  }
  return peer;
}

// Seconds since 1970, to within a clock tick; no system call.
inline std::uint32_t coarse_now() noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return static_cast<std::uint32_t>(now.tv_sec);
}

}  // namespace idetcd::resolver
