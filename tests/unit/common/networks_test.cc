// Networks, names and listen addresses: the small parsers.
#include <catch2/catch.hpp>

#include "common/values/listen_address.h"
#include "common/values/networks.h"
#include "idetcd-resolver/wire/wire_name.h"

namespace idetcd::testing {
namespace {

using namespace app;
using namespace resolver;

NetworkList list_of(std::initializer_list<const char*> texts) {
  std::vector<Network> networks;
  for (const char* text : texts) networks.push_back(parse_network(text).value());
  return NetworkList(networks);
}

TEST_CASE("a list contains what one of its networks does, IPv4 in its mapped form", "[dns][networks]") {
  const NetworkList list = list_of({"10.0.0.0/8", "192.0.2.128/25", "fd00::/9", "203.0.113.7"});
  CHECK(list.contains(to_mapped({10, 255, 1, 2})));
  CHECK_FALSE(list.contains(to_mapped({11, 0, 0, 0})));
  CHECK(list.contains(to_mapped({192, 0, 2, 200})));
  CHECK_FALSE(list.contains(to_mapped({192, 0, 2, 127})));
  CHECK(list.contains(to_mapped({203, 0, 113, 7})));
  CHECK_FALSE(list.contains(to_mapped({203, 0, 113, 6})));
  CHECK(list.contains({0xfd, 0x7f}));
  CHECK_FALSE(list.contains({0xfd, 0x80}));
  CHECK(list_of({"0.0.0.0/0"}).contains(to_mapped({1, 2, 3, 4})));
  CHECK_FALSE(list_of({"0.0.0.0/0"}).contains({0x20, 1}));
  CHECK(list_of({"::/0"}).contains(to_mapped({1, 2, 3, 4})));
  CHECK(list_of({}).empty());
}

TEST_CASE("a server is reached where it listens, at an advertised address where possible", "[dns][listen]") {
  const auto ip = [](const char* text) { return parse_listen_address(text)->ip.value(); };
  const auto reached = [&](std::initializer_list<const char*> listen, std::initializer_list<const char*> advertised) {
    std::vector<ListenAddress> addresses;
    for (const char* text : listen) addresses.push_back(parse_listen_address(text).value());
    std::vector<IpAddress> ips;
    for (const char* text : advertised) ips.push_back(ip(text));
    std::string all;
    for (const IpAddress& each : reachable_addresses(addresses, ips)) all += to_string(ListenAddress{each, 1}) + " ";
    return all;
  };
  CHECK(reached({":53"}, {"10.0.0.7", "fd00::7"}) == "10.0.0.7:1 [fd00::7]:1 ");
  CHECK(reached({"127.0.0.1"}, {"10.0.0.7"}) == "127.0.0.1:1 ");
  CHECK(reached({"127.0.0.1", "10.0.0.7"}, {"10.0.0.7", "fd00::7"}) == "10.0.0.7:1 ");
  CHECK(reached({"127.0.0.1:53", "127.0.0.1:54", "[::1]:53"}, {"10.0.0.7"}) == "127.0.0.1:1 [::1]:1 ");
  CHECK(reached({"0.0.0.0"}, {"10.0.0.7", "fd00::7"}) == "10.0.0.7:1 ");
  CHECK(reached({"0.0.0.0", "[::1]:53"}, {"fd00::7"}) == "[::1]:1 ");
  CHECK(reached({"0.0.0.0"}, {"fd00::7"}).empty());
}

TEST_CASE("listen addresses in all their forms", "[dns][listen]") {
  const auto round = [](const char* text) { return to_string(parse_listen_address(text, 1053).value()); };
  CHECK(round("127.0.0.1:53") == "127.0.0.1:53");
  CHECK(round("127.0.0.1") == "127.0.0.1:1053");
  CHECK(round("[::1]:53") == "[::1]:53");
  CHECK(round("[::1]") == "[::1]:1053");
  CHECK(round("::1") == "[::1]:1053");
  CHECK(round(":53") == "*:53");
  CHECK(round("*:53") == "*:53");
  CHECK(round("*") == "*:1053");
  CHECK(round("0.0.0.0:0") == "0.0.0.0:0");
  CHECK(parse_listen_address(":1053")->wildcard());
  CHECK(parse_listen_address("[::]:1053")->wildcard());
  CHECK(parse_listen_address("0.0.0.0:1053")->wildcard());
  CHECK_FALSE(parse_listen_address("127.0.0.1:1053")->wildcard());
  for (const char* text : {"", "53", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:x", "[::1", "[::1]x", "[1.2.3.4]:53",
                           "::1:x", "[]:53", "localhost:53", "127.0.0.1:53 ", "127.0.0.1:+5"}) {
    CAPTURE(text);
    const auto address = parse_listen_address(text);
    REQUIRE_FALSE(address);
    CHECK(address.error().message.find('"' + std::string(text) + '"') != std::string::npos);
  }
}

TEST_CASE("names to wire format and back", "[dns][names]") {
  CHECK(to_text(to_wire("Worker1.TF.local.").value()) == "worker1.tf.local.");
  CHECK(to_text(to_wire("tf.local").value()) == "tf.local.");
  CHECK(to_wire(".")->size() == 1);
  CHECK(to_text(to_wire(".").value()) == ".");
  for (const std::string& text : {std::string("a..b"), std::string(".."), std::string(64, 'a'), std::string("a b."),
                                  std::string("a\\.b"), std::string(".a")})
    CHECK_FALSE(to_wire(text));
  CHECK(lies_in(*to_wire("a.b.c"), *to_wire("b.c")));
  CHECK(lies_in(*to_wire("b.c"), *to_wire("b.c")));
  CHECK(lies_in(*to_wire("b.c"), *to_wire(".")));
  CHECK_FALSE(lies_in(*to_wire("ab.c"), *to_wire("b.c")));
  CHECK_FALSE(lies_in(*to_wire("c"), *to_wire("b.c")));
}

TEST_CASE("reverse names", "[dns][names]") {
  CHECK(to_text(reverse_name(Ipv4{10, 1, 2, 3})) == "3.2.1.10.in-addr.arpa.");
  CHECK(to_text(reverse_name(Ipv6{0xfd, 0x12})) ==
        "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.1.d.f.ip6.arpa.");
  const auto zone = [](const char* text) { return reverse_zone(parse_network(text).value()); };
  CHECK(to_text(zone("10.0.0.0/8").value()) == "10.in-addr.arpa.");
  CHECK(to_text(zone("192.0.2.0/24").value()) == "2.0.192.in-addr.arpa.");
  CHECK(to_text(zone("192.0.2.1").value()) == "1.2.0.192.in-addr.arpa.");
  CHECK(to_text(zone("fd00::/8").value()) == "d.f.ip6.arpa.");
  CHECK_FALSE(zone("10.0.0.0/9"));
  CHECK_FALSE(zone("fd00::/9"));
}

}  // namespace
}  // namespace idetcd::testing
