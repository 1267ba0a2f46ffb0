#include "common/values/networks.h"

#include <algorithm>

namespace idetcd::app {
namespace {

constexpr unsigned kMappedBits = 96;  // of an IPv4-mapped address, before the IPv4 one

}  // namespace

NetworkList::NetworkList(std::span<const Network> networks) {
  for (const Network& network : networks) {
    if (const auto* v4 = std::get_if<Ipv4>(&network.base)) {
      networks_.push_back({to_mapped(*v4), network.prefix_length + kMappedBits});
    } else {
      networks_.push_back(network);
    }
  }
}

bool NetworkList::contains(const Ipv6& address) const noexcept {
  const IpAddress either = address;
  return std::ranges::any_of(networks_, [&](const Network& network) { return network.contains(either); });
}

}  // namespace idetcd::app
