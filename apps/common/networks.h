// Who may ask: lists of networks in CIDR notation.
#pragma once

#include <idetcd/record.h>
#include <idetcd/result.h>

#include <algorithm>
#include <string>
#include <string_view>
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
// compared in their mapped form.
class NetworkList {
 public:
  NetworkList() = default;

  // "10.0.0.0/8", "fd00::/8", or a bare address. kInvalidArgument names the text,
  // also when bits are set behind the prefix.
  static Result<NetworkList> parse(const std::vector<std::string>& networks);

  bool empty() const noexcept { return networks_.empty(); }
  // Allocates nothing. IPv4: mapped(address).
  bool contains(const Ipv6& address) const noexcept;

 private:
  struct Network {
    Ipv6 address{};
    unsigned bits = 0;  // of 128
  };
  std::vector<Network> networks_;
};

}  // namespace idetcd::app
