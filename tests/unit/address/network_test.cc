// CIDR notation.
#include <idetcd/network.h>

#include <catch2/catch.hpp>

using namespace idetcd;

namespace {

IpAddress ip(std::string_view text) {
  if (const auto v4 = parse_ipv4(text)) return *v4;
  return parse_ipv6(text).value();
}

}  // namespace

TEST_CASE("a network contains what agrees in its prefix") {
  CHECK(parse_network("10.128.0.0/9")->contains(ip("10.200.0.1")));
  CHECK_FALSE(parse_network("10.128.0.0/9")->contains(ip("10.1.0.1")));
  CHECK(parse_network("0.0.0.0/0")->contains(ip("1.2.3.4")));
  CHECK_FALSE(parse_network("0.0.0.0/0")->contains(ip("::1")));
  CHECK(parse_network("::1/128")->contains(ip("::1")));
  CHECK_FALSE(parse_network("::1/128")->contains(ip("::2")));
  CHECK(*parse_network("192.0.2.1") == Network{ip("192.0.2.1"), 32});
  CHECK(*parse_network("fd00::1") == Network{ip("fd00::1"), 128});
}

TEST_CASE("what is not a network is quoted, with the reason") {
  const auto [text, reason] = GENERATE(table<std::string, std::string>({{"", "no IP address"},
                                                                        {"10", "no IP address"},
                                                                        {"localhost", "no IP address"},
                                                                        {"/8", "no IP address"},
                                                                        {"10.0.0.0/33", "0 to 32"},
                                                                        {"10.0.0.0/", "0 to 32"},
                                                                        {"10.0.0.0/-1", "0 to 32"},
                                                                        {"10.0.0.0/8x", "0 to 32"},
                                                                        {"fd00::/129", "0 to 128"},
                                                                        {"10.0.0.1/8", "behind the prefix"},
                                                                        {"fd00::1/64", "behind the prefix"}}));
  const auto network = parse_network(text);
  REQUIRE_FALSE(network);
  CHECK(network.error().code == ErrorCode::kInvalidArgument);
  CHECK(network.error().message.starts_with('"' + text + "\" is not a network"));
  CHECK_THAT(network.error().message, Catch::Contains(reason));
}
