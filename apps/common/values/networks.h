// NetworkList: who may ask. Its text is read by parse_network of the library.
#pragma once

#include <idetcd/network.h>

#include <span>
#include <vector>

namespace idetcd::app {

// An immutable value, safe to read from any thread. IPv4 networks and addresses are
// compared in their mapped form, so that ::/0 has all of IPv4 in it.
class NetworkList {
 public:
  NetworkList() = default;
  explicit NetworkList(std::span<const Network> networks);

  bool empty() const noexcept { return networks_.empty(); }
  // Allocates nothing. IPv4: to_mapped(address).
  bool contains(const Ipv6& address) const noexcept;

 private:
  std::vector<Network> networks_;  // all of IPv6
};

}  // namespace idetcd::app
