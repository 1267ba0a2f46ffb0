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

// As my_addresses() without `advertise`. `route_sources` is read only if `filter` is empty.
Result<MyAddresses> choose_addresses(const AddressFilter& filter, std::span<const MachineAddress> machine,
                                     std::span<const IpAddress> route_sources);

}  // namespace idetcd::internal
