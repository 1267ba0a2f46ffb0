#include "common/networks.h"

#include <algorithm>

namespace idetcd::app {
namespace {

bool same_prefix(const Ipv6& left, const Ipv6& right, unsigned bits) noexcept {
  const unsigned whole = bits / 8;
  if (!std::equal(left.begin(), left.begin() + whole, right.begin())) return false;
  const unsigned rest = bits % 8;
  return rest == 0 || ((left[whole] ^ right[whole]) >> (8 - rest)) == 0;
}

}  // namespace

NetworkList::NetworkList(std::span<const Network> networks) {
  for (const Network& network : networks) {
    if (const auto* v4 = std::get_if<Ipv4>(&network.base))
      networks_.push_back({mapped(*v4), network.prefix_length + kMappedBits});
    else
      networks_.push_back({*std::get_if<Ipv6>(&network.base), network.prefix_length});
  }
}

bool NetworkList::contains(const Ipv6& address) const noexcept {
  return std::any_of(networks_.begin(), networks_.end(),
                     [&](const Mapped& network) { return same_prefix(network.address, address, network.bits); });
}

}  // namespace idetcd::app
