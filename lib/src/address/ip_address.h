// Text to an address of either family.
#pragma once

#include <idetcd/network.h>

#include <optional>
#include <string_view>

namespace idetcd::internal {

// As parse_ipv4 and parse_ipv6.
inline std::optional<IpAddress> parse_ip(std::string_view text) noexcept {
  if (const auto v4 = parse_ipv4(text)) return *v4;
  if (const auto v6 = parse_ipv6(text)) return *v6;
  return std::nullopt;
}

}  // namespace idetcd::internal
