// Which of the machine's addresses a node publishes: the pure part of my_address.h.
#pragma once

#include <idetcd/my_address.h>
#include <idetcd/network.h>
#include <idetcd/result.h>

#include <span>
#include <string>
#include <vector>

#include "address/machine_addresses.h"

namespace idetcd::internal {

// Which of the machine's addresses are admitted.
struct AddressFilter {
  std::string interface;      // empty: all of them
  std::vector<Network> cidr;  // empty: all addresses

  bool empty() const { return interface.empty() && cidr.empty(); }
};

// Local addresses of routes; read only without a filter.
struct RouteSources {
  std::vector<IpAddress> to_etcd{};
  std::vector<IpAddress> to_outside{};
};

// As my_addresses() without `advertise`.
Result<MyAddresses> choose_addresses(const AddressFilter& filter, std::span<const MachineAddress> machine,
                                     const RouteSources& routes);

}  // namespace idetcd::internal
