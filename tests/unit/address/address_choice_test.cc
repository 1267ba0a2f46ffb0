// Which of the machine's addresses are published.
#include "address/address_choice.h"

#include <catch2/catch.hpp>

using namespace idetcd;
using namespace idetcd::internal;

namespace {

IpAddress ip(std::string_view text) {
  if (const auto v4 = idetcd::parse_ipv4(text)) return *v4;
  const auto v6 = idetcd::parse_ipv6(text);
  REQUIRE(v6);
  return *v6;
}

const std::vector<MachineAddress>& machine() {
  static const std::vector<MachineAddress> addresses{
      {"lo", ip("127.0.0.1")}, {"eth0", ip("10.0.0.7")}, {"eth1", ip("192.168.1.7")}, {"lo", ip("::1")},
      {"eth0", ip("fe80::7")}, {"eth0", ip("fd00::7")},  {"eth1", ip("169.254.3.3")}, {"eth1", ip("fd01::7")},
  };
  return addresses;
}

// The chosen addresses as "v4 v6".
std::string chosen(const AddressFilter& filter, const std::vector<IpAddress>& sources,
                   const std::vector<MachineAddress>& own = machine()) {
  const auto choice = choose_addresses(filter, own, {sources, {}});
  if (!choice) return choice.error().message;
  std::string text;
  for (const auto& v4 : choice->ipv4) text += idetcd::to_string(v4) + " ";
  for (const auto& v6 : choice->ipv6) text += idetcd::to_string(v6) + " ";
  if (!text.empty()) text.pop_back();
  return text;
}

}  // namespace

TEST_CASE("the route to etcd decides, and its interface gives the other family") {
  CHECK(chosen({}, {ip("192.168.1.7")}) == "192.168.1.7 fd01::7");
  CHECK(chosen({}, {ip("fd00::7")}) == "10.0.0.7 fd00::7");
  CHECK(chosen({}, {ip("fd01::7"), ip("10.0.0.7")}) == "10.0.0.7 fd01::7");
}

TEST_CASE("with etcd on the same machine a global address is better than loopback") {
  CHECK(chosen({}, {ip("127.0.0.1"), ip("::1")}) == "10.0.0.7 fd00::7");
  CHECK(chosen({}, {ip("127.0.0.1")}, {{"lo", ip("127.0.0.1")}, {"lo", ip("::1")}}) == "127.0.0.1 ::1");
}

TEST_CASE("an etcd whose name cannot be resolved yet does not stop the choice") {
  CHECK(chosen({}, {}) == "10.0.0.7 fd00::7");
}

TEST_CASE("link-local addresses are never chosen") {
  CHECK(chosen({}, {ip("fe80::7")}, {{"eth0", ip("fe80::7")}, {"eth0", ip("169.254.1.1")}})
            .find("no address to publish") != std::string::npos);
}

TEST_CASE("interface and networks narrow the choice") {
  AddressFilter filter;
  filter.interface = "eth1";
  CHECK(chosen(filter, {ip("10.0.0.7")}) == "192.168.1.7 fd01::7");
  filter.cidr = {*parse_network("192.168.0.0/16")};
  CHECK(chosen(filter, {}) == "192.168.1.7");
  filter.interface = "eth9";
  CHECK(choose_addresses(filter, machine(), RouteSources{}).error().option == "interface");
  filter.interface = {};
  filter.cidr = {*parse_network("fd00::/8")};
  CHECK(chosen(filter, {}) == "fd00::7");
  filter.cidr = {*parse_network("198.51.100.0/24")};
  CHECK(choose_addresses(filter, machine(), RouteSources{}).error().option == "cidr");
}

TEST_CASE("the default route decides where etcd is on the same machine, and a bridge is the last resort") {
  const std::vector<MachineAddress> docker{{"lo", ip("127.0.0.1")},
                                           {"docker0", ip("172.17.0.1"), InterfaceKind::kBridge},
                                           {"wg0", ip("10.8.0.7")},
                                           {"eth0", ip("10.0.0.7"), InterfaceKind::kPhysical},
                                           {"eth0", ip("fd00::7"), InterfaceKind::kPhysical}};
  const std::vector<IpAddress> loopback{ip("127.0.0.1")};
  const auto told = [](const std::vector<MachineAddress>& own, const RouteSources& routes) {
    const auto choice = choose_addresses({}, own, routes);
    REQUIRE(choice);
    REQUIRE(choice->ipv4.size() == 1);
    return idetcd::to_string(choice->ipv4.front()) + " " + choice->interface + ", " +
           std::string(to_string(choice->source));
  };
  CHECK(told(docker, {loopback, {ip("10.8.0.7")}}) == "10.8.0.7 wg0, default route");
  CHECK(told(docker, {{ip("172.17.0.1")}, {ip("10.8.0.7")}}) == "172.17.0.1 docker0, route to etcd");
  CHECK(told(docker, {loopback, {}}) == "10.0.0.7 eth0, first interface");
  const auto first = [&](std::ptrdiff_t count) { return std::vector(docker.begin(), docker.begin() + count); };
  CHECK(told(first(3), {loopback, {}}) == "10.8.0.7 wg0, first interface");
  CHECK(told(first(2), {loopback, {}}) == "172.17.0.1 docker0, bridge");
  CHECK(told(first(1), {loopback, {}}) == "127.0.0.1 lo, loopback");
}

TEST_CASE("an interface that is not there is told with those that are") {
  AddressFilter filter;
  filter.interface = "eth9";
  CHECK(choose_addresses(filter, machine(), RouteSources{}).error().message ==
        "no interface \"eth9\" is up; those that are: eth0, eth1, lo");
}

TEST_CASE("this machine has addresses, and a route to itself") {
  CHECK_FALSE(machine_addresses().empty());
  const std::vector<std::string> endpoints{"http://127.0.0.1:2379", "[::1]:2379"};
  const auto sources = route_sources(endpoints);
  REQUIRE_FALSE(sources.empty());
  CHECK(sources.front() == ip("127.0.0.1"));
}
