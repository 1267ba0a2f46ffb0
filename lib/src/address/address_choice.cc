#include "address/address_choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>

namespace idetcd::internal {
namespace {

bool is_loopback(const IpAddress& address) {
  if (const auto* v4 = std::get_if<Ipv4>(&address)) return (*v4)[0] == 127;
  Ipv6 one{};
  one.back() = 1;
  return *std::get_if<Ipv6>(&address) == one;
}

bool is_link_local(const IpAddress& address) {
  if (const auto* v4 = std::get_if<Ipv4>(&address)) return (*v4)[0] == 169 && (*v4)[1] == 254;
  const Ipv6& v6 = *std::get_if<Ipv6>(&address);
  return v6[0] == 0xfe && (v6[1] & 0xc0) == 0x80;
}

// At most one address of each family, the first that was offered.
class Choice {
 public:
  void offer(const IpAddress& address) {
    if (is_link_local(address)) return;
    if (const auto* v4 = std::get_if<Ipv4>(&address); v4 && !v4_) v4_ = *v4;
    if (const auto* v6 = std::get_if<Ipv6>(&address); v6 && !v6_) v6_ = *v6;
  }

  bool empty() const { return !v4_ && !v6_; }
  bool has(const IpAddress& address) const {
    return (v4_ && address == IpAddress(*v4_)) || (v6_ && address == IpAddress(*v6_));
  }

  MyAddresses addresses() const {
    MyAddresses chosen;
    if (v4_) chosen.ipv4.push_back(*v4_);
    if (v6_) chosen.ipv6.push_back(*v6_);
    return chosen;
  }

 private:
  std::optional<Ipv4> v4_;
  std::optional<Ipv6> v6_;
};

// The family that is missing, from the interface that has the other one.
void complete(Choice& choice, std::span<const MachineAddress> machine) {
  const auto chosen = std::ranges::find_if(machine, [&](const auto& own) { return choice.has(own.address); });
  if (chosen == machine.end()) return;
  for (const MachineAddress& own : machine) {
    if (own.interface == chosen->interface) choice.offer(own.address);
  }
}

bool admitted(const AddressFilter& filter, const MachineAddress& own) {
  if (!filter.interface.empty() && own.interface != filter.interface) return false;
  if (filter.cidr.empty()) return true;
  return std::ranges::any_of(filter.cidr, [&](const Network& network) { return network.contains(own.address); });
}

Choice choose_admitted(const AddressFilter& filter, std::span<const MachineAddress> machine) {
  Choice choice;
  for (const MachineAddress& own : machine) {
    if (admitted(filter, own)) choice.offer(own.address);
  }
  return choice;
}

bool is_reachable(const IpAddress& address) {
  return !is_loopback(address) && !is_link_local(address);
}

// What a choice among all addresses rests on.
struct Reasoned {
  Choice choice;
  AddressSource source = AddressSource::kLoopback;
};

std::optional<Reasoned> choose_by_route(std::span<const IpAddress> sources, AddressSource source) {
  Reasoned reasoned{{}, source};
  for (const IpAddress& address : sources) {
    if (is_reachable(address)) reasoned.choice.offer(address);
  }
  return reasoned.choice.empty() ? std::nullopt : std::optional(reasoned);
}

std::optional<Reasoned> choose_by_interface(std::span<const MachineAddress> machine) {
  for (const InterfaceKind kind : {InterfaceKind::kPhysical, InterfaceKind::kVirtual, InterfaceKind::kBridge}) {
    const auto first = std::ranges::find_if(
        machine, [&](const MachineAddress& own) { return own.kind == kind && is_reachable(own.address); });
    if (first == machine.end()) continue;
    Reasoned reasoned{{}, kind == InterfaceKind::kBridge ? AddressSource::kBridge : AddressSource::kInterface};
    reasoned.choice.offer(first->address);
    return reasoned;
  }
  return std::nullopt;
}

Reasoned choose_loopback(std::span<const MachineAddress> machine, std::span<const IpAddress> sources) {
  Reasoned reasoned;
  for (const IpAddress& source : sources) reasoned.choice.offer(source);
  if (reasoned.choice.empty() && !machine.empty()) reasoned.choice.offer(machine.front().address);
  return reasoned;
}

Reasoned choose_among_all(std::span<const MachineAddress> machine, const RouteSources& routes) {
  auto reasoned = choose_by_route(routes.to_etcd, AddressSource::kEtcdRoute);
  if (!reasoned) reasoned = choose_by_route(routes.to_outside, AddressSource::kDefaultRoute);
  if (!reasoned) reasoned = choose_by_interface(machine);
  if (!reasoned) reasoned = choose_loopback(machine, routes.to_etcd);
  complete(reasoned->choice, machine);
  return *reasoned;
}

std::string interface_of(const Choice& choice, std::span<const MachineAddress> machine) {
  const auto own = std::ranges::find_if(machine, [&](const auto& each) { return choice.has(each.address); });
  return own == machine.end() ? std::string() : own->interface;
}

std::string names_of(std::span<const MachineAddress> machine) {
  std::set<std::string> names;
  for (const MachineAddress& own : machine) names.insert(own.interface);
  return fmt::format("{}", fmt::join(names, ", "));
}

// Nothing is left; the option that decides is the one to change.
Error no_address(const AddressFilter& filter, std::span<const MachineAddress> machine) {
  if (filter.empty()) {
    return {ErrorCode::kInvalidArgument, "this machine has no address to publish; set advertise", "advertise"};
  }
  if (!filter.interface.empty() &&
      std::ranges::find(machine, filter.interface, &MachineAddress::interface) == machine.end()) {
    return {ErrorCode::kInvalidArgument,
            fmt::format("no interface \"{}\" is up; those that are: {}", filter.interface, names_of(machine)),
            "interface"};
  }
  return {ErrorCode::kInvalidArgument,
          "no address of this machine is on that interface and in those networks; see `ip address`, or set advertise "
          "instead",
          filter.interface.empty() ? "cidr" : "interface"};
}

}  // namespace

Result<MyAddresses> choose_addresses(const AddressFilter& filter, std::span<const MachineAddress> machine,
                                     const RouteSources& routes) {
  const Reasoned reasoned = filter.empty() ? choose_among_all(machine, routes)
                                           : Reasoned{choose_admitted(filter, machine), AddressSource::kFilter};
  if (reasoned.choice.empty()) return no_address(filter, machine);
  MyAddresses chosen = reasoned.choice.addresses();
  chosen.source = reasoned.source;
  chosen.interface = interface_of(reasoned.choice, machine);
  return chosen;
}

}  // namespace idetcd::internal
