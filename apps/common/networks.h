// NetworkList: who may ask. Its text is read by parse_network of the library.
#pragma once

#include <idetcd/network.h>

#include <algorithm>
#include <span>
#include <vector>

namespace idetcd::app {

// IPv4-mapped IPv6 (RFC 4291 2.5.5.2), so that a dual-stack socket and an IPv4 one name
// the same peer alike.
inline constexpr Ipv6 kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
inline constexpr unsigned kMappedBits = 96;

constexpr Ipv6 mapped(const Ipv4& address) noexcept {
  Ipv6 ipv6 = kMappedPrefix;
  std::copy(address.begin(), address.end(), ipv6.begin() + kMappedBits / 8);
  return ipv6;
}

constexpr bool is_mapped(const Ipv6& address) noexcept {
  return std::equal(address.begin(), address.begin() + kMappedBits / 8, kMappedPrefix.begin());
}

// An immutable value, safe to read from any thread. IPv4 networks and addresses are
// compared in their mapped form, so that ::/0 has all of IPv4 in it.
class NetworkList {
 public:
  NetworkList() = default;
  explicit NetworkList(std::span<const Network> networks);

  bool empty() const noexcept { return networks_.empty(); }
  // Allocates nothing. IPv4: mapped(address).
  bool contains(const Ipv6& address) const noexcept;

 private:
  struct Mapped {
    Ipv6 address{};
    unsigned bits = 0;  // of 128
  };
  std::vector<Mapped> networks_;
};

}  // namespace idetcd::app
