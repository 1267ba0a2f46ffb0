#include "common/system/interfaces.h"

#include <fmt/format.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <set>

namespace idetcd::app {
namespace {

std::optional<IpAddress> address_of(const sockaddr* address) {
  if (address == nullptr) return std::nullopt;
  if (address->sa_family == AF_INET) {
    Ipv4 ipv4;
    std::memcpy(ipv4.data(), reinterpret_cast<const char*>(address) + offsetof(sockaddr_in, sin_addr), ipv4.size());
    return ipv4;
  }
  if (address->sa_family != AF_INET6) return std::nullopt;
  Ipv6 ipv6;
  std::memcpy(ipv6.data(), reinterpret_cast<const char*>(address) + offsetof(sockaddr_in6, sin6_addr), ipv6.size());
  const bool link_local = ipv6[0] == 0xfe && (ipv6[1] & 0xc0U) == 0x80U;  // RFC 4291 2.5.6
  return link_local ? std::nullopt : std::optional<IpAddress>(ipv6);
}

}  // namespace

Status add_bind_addresses(std::string_view text, std::vector<IpAddress>& addresses) {
  if (const auto v4 = parse_ipv4(text)) return addresses.emplace_back(*v4), Status();
  if (const auto v6 = parse_ipv6(text)) return addresses.emplace_back(*v6), Status();
  ifaddrs* head = nullptr;
  if (::getifaddrs(&head) != 0) head = nullptr;
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> list(head, ::freeifaddrs);
  std::set<std::string_view> names;
  bool found = false;
  for (const ifaddrs* each = head; each != nullptr; each = each->ifa_next) {
    names.insert(each->ifa_name);
    if (text != each->ifa_name) continue;
    found = true;
    if (const auto address = address_of(each->ifa_addr)) addresses.push_back(*address);
  }
  if (found) return {};
  return Error{
      ErrorCode::kInvalidArgument,
      fmt::format("not a valid IP address or interface name: \"{}\"; interfaces: {}", text, fmt::join(names, " "))};
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

}  // namespace idetcd::app
