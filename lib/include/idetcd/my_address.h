// my_addresses(): at which addresses the other nodes reach this machine, for its Record.
#pragma once

#include <idetcd/export.h>
#include <idetcd/record.h>
#include <idetcd/result.h>

#include <string>
#include <vector>

namespace idetcd {

// Names are those of the Corefile's settings, and of Error::option.
struct MyAddressOptions {
  // These and no others, e.g. "10.0.0.7" or "fd00::7". Not together with `interface` or `cidr`.
  std::vector<std::string> advertise{};
  std::string interface {};         // only addresses of this one, e.g. "eth0"; empty: any
  std::vector<std::string> cidr{};  // only addresses in one of these, see network.h; empty: any

  // As EtcdOptions::endpoints; read only when all of the above are empty.
  std::vector<std::string> endpoints{"http://localhost:2379"};
};

struct MyAddresses {
  std::vector<Ipv4> ipv4{};
  std::vector<Ipv6> ipv6{};

  bool operator==(const MyAddresses&) const = default;
};

// kInvalidArgument with Error::option "advertise", "interface" or "cidr": the first option
// that is wrong. Reads nothing but `options`.
IDETCD_EXPORT Status check(const MyAddressOptions& options);

// The first of these that gives an address:
//   1. `advertise` as it stands;
//   2. with `interface` or `cidr`: the first address of each family that they admit;
//   3. the source addresses of the routes to `endpoints`. If etcd is on this machine these are
//      loopback addresses, and the first global address is used instead, if there is one.
// In case 3 a missing family is taken from the interface that has the other one. Link-local
// addresses are never chosen. At least one address; without `advertise` at most one of each family.
//
// Reads the machine's interfaces and routes at every call and sends nothing to `endpoints`.
// May be called from any thread. Does not block, except in case 3 with an endpoint that is a
// host name: the system's resolver looks it up, and a name that it does not find is passed over.
//
// kInvalidArgument: as check(), or no address is left, with Error::option naming the filter
// that left none, else "advertise", which must then be set.
IDETCD_EXPORT Result<MyAddresses> my_addresses(const MyAddressOptions& options);

}  // namespace idetcd
