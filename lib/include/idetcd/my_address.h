// my_addresses(): at which addresses the other nodes reach this machine, for its Record.
#pragma once

#include <idetcd/export.h>
#include <idetcd/record.h>
#include <idetcd/result.h>

#include <string>
#include <string_view>
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

// Why these addresses were chosen, from the surest to the weakest reason.
enum class AddressSource {
  kAdvertise,     // MyAddressOptions::advertise
  kFilter,        // MyAddressOptions::interface or cidr
  kEtcdRoute,     // packets to etcd carry it
  kDefaultRoute,  // packets to the outside carry it
  kInterface,     // a guess: the machine's first interface that is not a bridge
  kBridge,        // a guess: there are only bridges, whose addresses other machines seldom reach
  kLoopback,      // only this machine reaches it
};

// For people: "advertise", "interface or cidr", "route to etcd", "default route", "first interface", "bridge",
// "loopback".
IDETCD_EXPORT std::string_view to_string(AddressSource source) noexcept;

struct MyAddresses {
  std::vector<Ipv4> ipv4{};
  std::vector<Ipv6> ipv6{};
  AddressSource source = AddressSource::kAdvertise;
  std::string interface {};  // that has the addresses; empty with `advertise`

  bool operator==(const MyAddresses&) const = default;
};

// kInvalidArgument with Error::option "advertise", "interface" or "cidr": the first option
// that is wrong. Reads nothing but `options`.
IDETCD_EXPORT Status check(const MyAddressOptions& options);

// The first of these that gives an address:
//   1. `advertise` as it stands;
//   2. with `interface` or `cidr`: the first address of each family that they admit;
//   3. the source addresses of the routes to `endpoints`, unless etcd is on this machine and
//      they are loopback addresses;
//   4. the source addresses of the default routes;
//   5. the first address of an interface: those with hardware first, bridges (docker0) last;
//   6. loopback.
// From case 3 on a missing family is taken from the interface that has the other one. Link-local
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
