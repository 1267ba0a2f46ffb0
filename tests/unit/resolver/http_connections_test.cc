// Which HTTP connection has to end, without a socket.
#include "idetcd-resolver/http_connections.h"

#include <catch2/catch.hpp>

#include "common/values/networks.h"

using namespace idetcd;
using namespace idetcd::resolver;
using namespace std::chrono_literals;

namespace {

const Ipv6 kBad = to_mapped({10, 0, 0, 1});
const Ipv6 kGood = to_mapped({10, 0, 0, 2});
constexpr HttpConnections::Time kStart{};

}  // namespace

TEST_CASE("HTTP: an address at its limit loses its own oldest, and nobody else's", "[http]") {
  HttpConnections connections({.connections = 10, .per_peer = 2});
  connections.add(1, kGood, kStart);
  connections.add(2, kBad, kStart);
  CHECK_FALSE(connections.end_for(kBad));
  connections.add(3, kBad, kStart);
  CHECK(connections.end_for(kBad) == 2);
  connections.add(4, kBad, kStart);
  CHECK(connections.end_for(kBad) == 3);
  CHECK_FALSE(connections.end_for(kGood));
}

TEST_CASE("HTTP: when all is full the oldest without a request makes room, then the oldest", "[http]") {
  HttpConnections connections({.connections = 3, .per_peer = 3});
  const auto first = connections.add(1, kGood, kStart);
  const auto second = connections.add(2, kBad, kStart);
  const auto third = connections.add(3, kBad, kStart);
  first->requested = true;
  CHECK(connections.end_for(kGood) == 2);
  CHECK_FALSE(connections.end_for(kGood));  // it counts no more, although it is still there
  connections.remove(second);
  connections.add(4, kBad, kStart)->requested = true;
  third->requested = true;
  CHECK(connections.end_for(kGood) == 1);
}

TEST_CASE("HTTP: a head has 2 s from the start, whatever arrives in between, and a reply 10 s", "[http]") {
  HttpConnections connections({});
  CHECK_FALSE(connections.next_deadline());
  connections.add(1, kBad, kStart);
  connections.add(2, kBad, kStart)->requested = true;
  CHECK(connections.next_deadline() == kStart + 2s);
  CHECK_FALSE(connections.end_overdue(kStart + 1999ms));
  CHECK(connections.end_overdue(kStart + 2s) == 1);
  CHECK_FALSE(connections.end_overdue(kStart + 2s));
  CHECK(connections.next_deadline() == kStart + 10s);
  CHECK(connections.end_overdue(kStart + 10s) == 2);
  CHECK_FALSE(connections.next_deadline());
}

TEST_CASE("HTTP: the addresses of one IPv6 /64 count as one, those of IPv4 as many", "[http]") {
  HttpConnections connections({.connections = 10, .per_peer = 1});
  connections.add(1, parse_ipv6("fd00::1").value(), kStart);
  CHECK_FALSE(connections.end_for(parse_ipv6("fd00:0:0:1::1").value()));
  CHECK(connections.end_for(parse_ipv6("fd00::2").value()) == 1);
  connections.add(2, kBad, kStart);
  CHECK_FALSE(connections.end_for(kGood));
}
