// What the system knows of its own addresses and routes.
#pragma once

#include <idetcd/network.h>

#include <span>
#include <string>
#include <vector>

namespace idetcd::internal {

// As sysfs has it. A network namespace's end of a veth pair is kVirtual.
enum class InterfaceKind { kPhysical, kVirtual, kBridge };

// One address of this machine, on an interface that is up.
struct MachineAddress {
  std::string interface;
  IpAddress address;
  InterfaceKind kind = InterfaceKind::kVirtual;
};

// In the order of the interfaces. Empty if the system refuses.
std::vector<MachineAddress> machine_addresses();

// The local address that packets to each endpoint would carry, at most one of each
// family. Sends nothing to them, but blocks in the system's resolver for a host name.
std::vector<IpAddress> route_sources(std::span<const std::string> endpoints);

// The local address that packets to the outside would carry, at most one of each family. Sends
// nothing and does not block.
std::vector<IpAddress> default_route_sources();

}  // namespace idetcd::internal
