// my_addresses() and the check of its options.
#include <idetcd/my_address.h>

#include <catch2/catch.hpp>

using namespace idetcd;

namespace {

// "OPTION: MESSAGE" of what is wrong.
std::string problem(const MyAddressOptions& options) {
  const Status checked = check(options);
  REQUIRE_FALSE(checked);
  CHECK(checked.error().code == ErrorCode::kInvalidArgument);
  const auto refused = my_addresses(options);
  REQUIRE_FALSE(refused);
  CHECK(refused.error() == checked.error());
  return checked.error().option + ": " + checked.error().message;
}

}  // namespace

TEST_CASE("what is advertised is taken as it stands") {
  const auto addresses = my_addresses({.advertise = {"10.9.9.9", "fd00::9", "10.9.9.8"}});
  REQUIRE(addresses);
  CHECK(*addresses == MyAddresses{{{10, 9, 9, 9}, {10, 9, 9, 8}}, {*parse_ipv6("fd00::9")}});
}

TEST_CASE("a wrong option of the address is named") {
  using Catch::StartsWith;
  CHECK_THAT(problem({.advertise = {"10.0.0.1", "host7"}}), StartsWith("advertise: \"host7\" is not an IP address"));
  CHECK_THAT(problem({.advertise = {"0.0.0.0"}}), StartsWith("advertise: \"0.0.0.0\" is the unspecified address"));
  CHECK_THAT(problem({.advertise = {"ff02::1"}}), StartsWith("advertise: \"ff02::1\" is a multicast"));
  CHECK_THAT(problem({.cidr = {"10.0.0.0/33"}}), StartsWith("cidr: \"10.0.0.0/33\" is not a network"));
  CHECK_THAT(problem({.advertise = {"10.0.0.1"}, .cidr = {"10.0.0.0/8"}}), StartsWith("cidr: "));
  CHECK_THAT(problem({.advertise = {"10.0.0.1"}, .interface = "eth0"}), StartsWith("interface: "));
  CHECK(check(MyAddressOptions{}));
}

TEST_CASE("an interface that is not there leaves no address, and is named") {
  const auto none = my_addresses({.interface = "no-such-interface"});
  REQUIRE_FALSE(none);
  CHECK(none.error().code == ErrorCode::kInvalidArgument);
  CHECK(none.error().option == "interface");
}

TEST_CASE("loopback is chosen where it is asked for") {
  const auto loopback = my_addresses({.cidr = {"127.0.0.0/8"}});
  REQUIRE(loopback);
  CHECK(loopback->ipv4 == std::vector<Ipv4>{{127, 0, 0, 1}});
  CHECK(loopback->interface == "lo");
  CHECK(loopback->source == AddressSource::kFilter);
}
