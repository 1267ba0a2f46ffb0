#include "address/address_choice.h"

#include <algorithm>
#include <optional>

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

Choice choose_by_route(std::span<const MachineAddress> machine, std::span<const IpAddress> sources) {
  Choice choice;
  for (const IpAddress& source : sources) {
    if (!is_loopback(source)) choice.offer(source);
  }
  if (choice.empty()) {
    const auto global = std::ranges::find_if(
        machine, [](const auto& own) { return !is_loopback(own.address) && !is_link_local(own.address); });
    if (global != machine.end()) choice.offer(global->address);
  }
  if (choice.empty()) {
    for (const IpAddress& source : sources) choice.offer(source);
  }
  if (choice.empty() && !machine.empty()) choice.offer(machine.front().address);
  complete(choice, machine);
  return choice;
}

// Nothing is left; the option that decides is the one to change.
Error no_address(const AddressFilter& filter) {
  if (filter.empty()) {
    return {ErrorCode::kInvalidArgument, "this machine has no address to publish; set advertise", "advertise"};
  }
  return {ErrorCode::kInvalidArgument,
          "no address of this machine is on that interface and in those networks; see `ip address`, or set advertise "
          "instead",
          filter.interface.empty() ? "cidr" : "interface"};
}

}  // namespace

Result<MyAddresses> choose_addresses(const AddressFilter& filter, std::span<const MachineAddress> machine,
                                     std::span<const IpAddress> route_sources) {
  const Choice choice = filter.empty() ? choose_by_route(machine, route_sources) : choose_admitted(filter, machine);
  if (choice.empty()) return no_address(filter);
  return choice.addresses();
}

}  // namespace idetcd::internal
