#include "common/networks.h"

#include <idetcd/record.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace idetcd::app {
namespace {

std::optional<unsigned> parse_prefix(std::string_view text, unsigned most) {
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bits);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || bits > most) return std::nullopt;
  return bits;
}

// The address as IPv6, and how many bits an IPv4 one is longer for it.
std::optional<std::pair<Ipv6, unsigned>> parse_address(std::string_view text) {
  if (const auto v6 = parse_ipv6(text)) return std::pair{*v6, 0U};
  const auto v4 = parse_ipv4(text);
  if (!v4) return std::nullopt;
  return std::pair{mapped(*v4), kMappedBits};
}

bool same_prefix(const Ipv6& left, const Ipv6& right, unsigned bits) noexcept {
  const unsigned whole = bits / 8;
  if (!std::equal(left.begin(), left.begin() + whole, right.begin())) return false;
  const unsigned rest = bits % 8;
  return rest == 0 || ((left[whole] ^ right[whole]) >> (8 - rest)) == 0;
}

bool zero_behind(const Ipv6& address, unsigned bits) noexcept {
  for (unsigned bit = bits; bit < 128; ++bit)
    if ((address[bit / 8] >> (7 - bit % 8) & 1) != 0) return false;
  return true;
}

Error not_a_network(std::string_view text, std::string_view why) {
  return {ErrorCode::kInvalidArgument, "network \"" + std::string(text) + "\": " + std::string(why) +
                                           "; write it like 10.0.0.0/8, fd00::/8 or 192.0.2.1"};
}

}  // namespace

Result<NetworkList> NetworkList::parse(const std::vector<std::string>& networks) {
  NetworkList list;
  for (const std::string& text : networks) {
    const std::size_t slash = text.find('/');
    const auto address = parse_address(std::string_view(text).substr(0, slash));
    if (!address) return not_a_network(text, "not an address");
    unsigned bits = 128;
    if (slash != std::string::npos) {
      const auto prefix = parse_prefix(std::string_view(text).substr(slash + 1), 128 - address->second);
      if (!prefix) return not_a_network(text, "not a prefix length");
      bits = *prefix + address->second;
    }
    if (!zero_behind(address->first, bits)) return not_a_network(text, "address bits are set behind the prefix");
    list.networks_.push_back({address->first, bits});
  }
  return list;
}

bool NetworkList::contains(const Ipv6& address) const noexcept {
  return std::any_of(networks_.begin(), networks_.end(),
                     [&](const Network& network) { return same_prefix(network.address, address, network.bits); });
}

}  // namespace idetcd::app
