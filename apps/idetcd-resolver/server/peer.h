// A client's address and the time, as the answer path wants them.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>

#include "common/values/networks.h"

namespace idetcd::resolver {

inline Ipv6 peer_address(const sockaddr_storage& address) noexcept {
  const auto* const bytes = reinterpret_cast<const char*>(&address);
  if (address.ss_family == AF_INET) {
    Ipv4 ipv4;
    std::memcpy(ipv4.data(), bytes + offsetof(sockaddr_in, sin_addr), ipv4.size());
    return to_mapped(ipv4);
  }
  Ipv6 ipv6;
  std::memcpy(ipv6.data(), bytes + offsetof(sockaddr_in6, sin6_addr), ipv6.size());
  return ipv6;
}

inline std::uint16_t peer_port(const sockaddr_storage& address) noexcept {
  std::uint16_t port = 0;  // it lies at the same place for both families
  std::memcpy(&port, reinterpret_cast<const char*>(&address) + offsetof(sockaddr_in, sin_port), sizeof port);
  return ntohs(port);
}

// Seconds since 1970, to within a clock tick; no system call.
inline std::uint32_t coarse_now() noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return static_cast<std::uint32_t>(now.tv_sec);
}

}  // namespace idetcd::resolver
