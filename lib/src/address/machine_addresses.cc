#include "address/machine_addresses.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>

namespace idetcd::internal {
namespace {

std::optional<IpAddress> address_of(const sockaddr* raw) {
  if (raw == nullptr) return std::nullopt;
  if (raw->sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, raw, sizeof in);
    Ipv4 v4;
    std::memcpy(v4.data(), &in.sin_addr, v4.size());
    return v4;
  }
  if (raw->sa_family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, raw, sizeof in);
    Ipv6 v6;
    std::memcpy(v6.data(), &in.sin6_addr, v6.size());
    return v6;
  }
  return std::nullopt;
}

// connect() on a datagram socket only looks up the route.
std::optional<IpAddress> source_towards(const addrinfo& target) {
  const int fd = ::socket(target.ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::nullopt;
  std::optional<IpAddress> source;
  sockaddr_storage own{};
  socklen_t length = sizeof own;
  if (::connect(fd, target.ai_addr, target.ai_addrlen) == 0 &&
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &length) == 0) {
    source = address_of(reinterpret_cast<const sockaddr*>(&own));
  }
  ::close(fd);
  return source;
}

std::string host_of(std::string_view endpoint) {
  if (const auto scheme = endpoint.find("://"); scheme != std::string_view::npos) endpoint.remove_prefix(scheme + 3);
  if (endpoint.starts_with('[')) return std::string(endpoint.substr(1, endpoint.find(']') - 1));
  return std::string(endpoint.substr(0, endpoint.find(':')));
}

InterfaceKind kind_of(const std::string& interface) {
  const std::filesystem::path folder = std::filesystem::path("/sys/class/net") / interface;
  std::error_code ignored;
  if (std::filesystem::exists(folder / "bridge", ignored)) return InterfaceKind::kBridge;
  return std::filesystem::exists(folder / "device", ignored) ? InterfaceKind::kPhysical : InterfaceKind::kVirtual;
}

}  // namespace

std::vector<MachineAddress> machine_addresses() {
  ifaddrs* head = nullptr;
  if (::getifaddrs(&head) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(head, ::freeifaddrs);
  std::vector<MachineAddress> found;
  for (const ifaddrs* at = head; at != nullptr; at = at->ifa_next) {
    if ((at->ifa_flags & IFF_UP) == 0) continue;
    if (const auto address = address_of(at->ifa_addr)) found.push_back({at->ifa_name, *address, kind_of(at->ifa_name)});
  }
  return found;
}

std::vector<IpAddress> route_sources(std::span<const std::string> endpoints) {
  std::vector<IpAddress> sources;
  const auto known = [&](const IpAddress& source) {
    return std::ranges::any_of(sources, [&](const IpAddress& other) { return other.index() == source.index(); });
  };
  for (const std::string& endpoint : endpoints) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_DGRAM;
    addrinfo* head = nullptr;
    // The port is not used; connect() only must have one.
    if (::getaddrinfo(host_of(endpoint).c_str(), "2379", &hints, &head) != 0) continue;
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(head, ::freeaddrinfo);
    for (const addrinfo* at = head; at != nullptr; at = at->ai_next) {
      if (const auto source = source_towards(*at); source && !known(*source)) sources.push_back(*source);
    }
  }
  return sources;
}

std::vector<IpAddress> default_route_sources() {
  // Addresses for documentation (RFC 5737 3, RFC 3849 2): no route leads there but the default one.
  static const std::vector<std::string> outside{"192.0.2.1", "[2001:db8::1]"};
  return route_sources(outside);
}

}  // namespace idetcd::internal
