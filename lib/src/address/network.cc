#include <idetcd/network.h>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <span>

#include "address/ip_address.h"

namespace idetcd {
namespace {

using Bytes = std::span<const std::uint8_t>;

Bytes bytes_of(const IpAddress& address) {
  return std::visit([](const auto& bytes) { return Bytes(bytes); }, address);
}

std::optional<unsigned> parse_prefix(std::string_view text, std::size_t max) {
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bits);
  if (error != std::errc{} || end != text.data() + text.size() || bits > max) return std::nullopt;
  return bits;
}

// Precondition: same size.
bool same_prefix(Bytes left, Bytes right, unsigned bits) {
  const std::size_t whole = bits / 8;
  if (!std::ranges::equal(left.first(whole), right.first(whole))) return false;
  const unsigned rest = bits % 8;
  return rest == 0 || ((left[whole] ^ right[whole]) >> (8 - rest)) == 0;
}

bool zero_behind(Bytes address, std::size_t bits) {
  for (std::size_t bit = bits; bit < address.size() * 8; ++bit) {
    if ((address[bit / 8] >> (7 - bit % 8) & 1) != 0) return false;
  }
  return true;
}

Error not_a_network(std::string_view text, std::string_view why) {
  return {ErrorCode::kInvalidArgument,
          fmt::format("\"{}\" is not a network: {}; expected e.g. 10.0.0.0/8, fd00::/8 or 192.0.2.1", text, why)};
}

}  // namespace

bool Network::contains(const IpAddress& address) const noexcept {
  return address.index() == base.index() && same_prefix(bytes_of(base), bytes_of(address), prefix_length);
}

Result<Network> parse_network(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto base = internal::parse_ip(text.substr(0, slash));
  if (!base) return not_a_network(text, "it has no IP address");
  const std::size_t size = bytes_of(*base).size() * 8;
  auto bits = static_cast<unsigned>(size);
  if (slash != std::string_view::npos) {
    const auto prefix = parse_prefix(text.substr(slash + 1), size);
    if (!prefix) return not_a_network(text, fmt::format("the prefix length is not a number from 0 to {}", size));
    bits = *prefix;
  }
  if (!zero_behind(bytes_of(*base), bits)) return not_a_network(text, "address bits are set behind the prefix");
  return Network{*base, bits};
}

}  // namespace idetcd
