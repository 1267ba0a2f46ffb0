// Which addresses a node publishes: those at which the others reach it.
#pragma once

#include <idetcd/result.h>

#include "settings.h"
#include "values.h"

#include <span>
#include <string>
#include <vector>

namespace idetcd::app {

// One address of this machine, on an interface that is up.
struct MachineAddress {
  std::string interface;
  IpAddress address;
};

struct AdvertisedAddresses {
  std::vector<Ipv4> ipv4;
  std::vector<Ipv6> ipv6;

  bool operator==(const AdvertisedAddresses&) const = default;
};

// A pure function. In this order: `advertise` as it stands; the first address of each
// family that `interface` and `cidr` admit; the sources of the route to etcd. A
// missing family is taken from the interface of the other one. Where etcd is on
// this very machine, the route says loopback: then the first global address, and
// loopback only if there is none. Link-local ones are never chosen.
// kInvalidArgument if nothing is left.
Result<AdvertisedAddresses> choose_addresses(const PoolSettings& pool, std::span<const MachineAddress> machine,
                                             std::span<const IpAddress> route_sources);

// In the order of the interfaces. Empty if the system will not tell.
std::vector<MachineAddress> machine_addresses();

// The local address that packets to each endpoint would carry, at most one of each
// family. Sends nothing but may ask the system's resolver for the endpoint's name.
std::vector<IpAddress> route_sources(std::span<const std::string> endpoints);

// choose_addresses on this machine, as it is now.
Result<AdvertisedAddresses> choose_addresses_here(const PoolSettings& pool, std::span<const std::string> endpoints);

}  // namespace idetcd::app
