#include <idetcd/record.h>

#include <catch2/catch.hpp>

using idetcd::parse_ipv4;
using idetcd::parse_ipv6;
using idetcd::to_string;

TEST_CASE("IPv4 is a strict dotted quad") {
  CHECK(*parse_ipv4("0.0.0.0") == idetcd::Ipv4{0, 0, 0, 0});
  CHECK(*parse_ipv4("255.1.20.255") == idetcd::Ipv4{255, 1, 20, 255});
  CHECK(to_string(*parse_ipv4("255.1.20.255")) == "255.1.20.255");
  for (const char* text : {"", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.04", "1.2.3.4 ", " 1.2.3.4",
                           "1.2.3.4/8", "0x1.2.3.4", "1..3.4", "1.2.3.-4", "::1", "1.2.3.4\n"}) {
    INFO(text);
    CHECK_FALSE(parse_ipv4(text));
  }
  CHECK_FALSE(parse_ipv4(std::string_view("1.2.3.4\0", 8)));
  CHECK_FALSE(parse_ipv4(std::string(100, '1')));
}

TEST_CASE("IPv6 is read in every form of RFC 4291 2.2 and written as RFC 5952 says") {
  const std::pair<const char*, const char*> pairs[] = {
      {"::", "::"},
      {"::1", "::1"},
      {"1::", "1::"},
      {"2001:0DB8::0001", "2001:db8::1"},
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
      {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
      {"fe80:0:0:0:0:0:0:0", "fe80::"},
      {"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
      {"0:0:3:4:5:6:7:8", "::3:4:5:6:7:8"},
      {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
      {"::ffff:10.0.0.1", "::ffff:10.0.0.1"},
      {"::1.2.3.4", "::102:304"},
      {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
  };
  for (const auto& [text, canonical] : pairs) {
    INFO(text);
    const auto address = parse_ipv6(text);
    REQUIRE(address);
    CHECK(to_string(*address) == canonical);
    CHECK(parse_ipv6(canonical) == address);
  }
  for (const char* text : {"", ":", ":::", "1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::", "g::",
                           "fe80::1%eth0", "[::1]", "::1/64", "::01.2.3.4", "1.2.3.4", " ::1", "1:2:3:4:5:6:7:8::"}) {
    INFO(text);
    CHECK_FALSE(parse_ipv6(text));
  }
}

TEST_CASE("an IPv4 address as IPv6, and back") {
  CHECK(to_string(idetcd::to_mapped({10, 0, 0, 1})) == "::ffff:10.0.0.1");
  CHECK(idetcd::from_mapped(idetcd::to_mapped({10, 0, 0, 1})) == idetcd::Ipv4{10, 0, 0, 1});
  CHECK_FALSE(idetcd::from_mapped(*parse_ipv6("::10.0.0.1")));
  CHECK_FALSE(idetcd::from_mapped(*parse_ipv6("::1:ffff:10.0.0.1")));
}
