// IpAddress and Network: addresses of either family, and CIDR notation (RFC 4632, RFC 4291 2.3).
#pragma once

#include <idetcd/export.h>
#include <idetcd/record.h>
#include <idetcd/result.h>

#include <string>
#include <string_view>
#include <variant>

namespace idetcd {

using IpAddress = std::variant<Ipv4, Ipv6>;

// The bits of `base` behind the prefix are zero in every Network that parse_network returned.
struct IDETCD_EXPORT Network {
  IpAddress base{};
  unsigned prefix_length = 0;  // 0 to 32 for IPv4, 0 to 128 for IPv6

  bool operator==(const Network&) const = default;

  // False for an address of the other family.
  bool contains(const IpAddress& address) const noexcept;
};

// "10.0.0.0/8" or "fd00::/8"; a bare address is the network of that address alone.
// kInvalidArgument quotes the text and says what is wrong with it, also when bits are set
// behind the prefix, as in "10.0.0.1/8".
IDETCD_EXPORT Result<Network> parse_network(std::string_view text);

}  // namespace idetcd
