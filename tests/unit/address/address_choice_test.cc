// Which addresses are published.
#include "common/address_choice.h"

#include <catch2/catch.hpp>

using namespace idetcd::app;

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
std::string chosen(const PoolSettings& settings, const std::vector<IpAddress>& sources,
                   const std::vector<MachineAddress>& own = machine()) {
  const auto choice = choose_addresses(settings, own, sources);
  if (!choice) return choice.error().message;
  std::string text;
  for (const auto& v4 : choice->ipv4) text += idetcd::to_string(v4) + " ";
  for (const auto& v6 : choice->ipv6) text += idetcd::to_string(v6) + " ";
  if (!text.empty()) text.pop_back();
  return text;
}

}  // namespace

TEST_CASE("what is advertised by hand is taken as it stands") {
  PoolSettings settings;
  settings.advertise = {ip("10.9.9.9"), ip("fd00::9"), ip("10.9.9.8")};
  CHECK(chosen(settings, {ip("10.0.0.7")}) == "10.9.9.9 10.9.9.8 fd00::9");
}

TEST_CASE("the route to etcd decides, and its interface gives the other family") {
  CHECK(chosen({}, {ip("192.168.1.7")}) == "192.168.1.7 fd01::7");
  CHECK(chosen({}, {ip("fd00::7")}) == "10.0.0.7 fd00::7");
  CHECK(chosen({}, {ip("fd01::7"), ip("10.0.0.7")}) == "10.0.0.7 fd01::7");
}

TEST_CASE("with etcd on the same machine a global address is better than loopback") {
  CHECK(chosen({}, {ip("127.0.0.1"), ip("::1")}) == "10.0.0.7 fd00::7");
  CHECK(chosen({}, {ip("127.0.0.1")}, {{"lo", ip("127.0.0.1")}, {"lo", ip("::1")}}) == "127.0.0.1 ::1");
}

TEST_CASE("an etcd whose name can not be resolved yet does not stop the choice") {
  CHECK(chosen({}, {}) == "10.0.0.7 fd00::7");
}

TEST_CASE("link-local addresses are never chosen") {
  CHECK(chosen({}, {ip("fe80::7")}, {{"eth0", ip("fe80::7")}, {"eth0", ip("169.254.1.1")}})
            .find("no address to publish") != std::string::npos);
}

TEST_CASE("interface and networks narrow the choice") {
  PoolSettings settings;
  settings.interface = "eth1";
  CHECK(chosen(settings, {ip("10.0.0.7")}) == "192.168.1.7 fd01::7");
  settings.cidr = {*parse_network("192.168.0.0/16")};
  CHECK(chosen(settings, {}) == "192.168.1.7");
  settings.interface = "eth9";
  CHECK(chosen(settings, {}).find("--advertise") != std::string::npos);
  settings.interface = {};
  settings.cidr = {*parse_network("fd00::/8")};
  CHECK(chosen(settings, {}) == "fd00::7");
}

TEST_CASE("a network contains what agrees in its prefix") {
  CHECK(parse_network("10.128.0.0/9")->contains(ip("10.200.0.1")));
  CHECK_FALSE(parse_network("10.128.0.0/9")->contains(ip("10.1.0.1")));
  CHECK(parse_network("0.0.0.0/0")->contains(ip("1.2.3.4")));
  CHECK_FALSE(parse_network("0.0.0.0/0")->contains(ip("::1")));
  CHECK(parse_network("::1/128")->contains(ip("::1")));
  CHECK_FALSE(parse_network("::1/128")->contains(ip("::2")));
}

TEST_CASE("this machine tells its own addresses") {
  CHECK_FALSE(machine_addresses().empty());
  const std::vector<std::string> endpoints{"http://127.0.0.1:2379", "[::1]:2379"};
  const auto sources = route_sources(endpoints);
  REQUIRE_FALSE(sources.empty());
  CHECK(sources.front() == ip("127.0.0.1"));
}
