// DNS cookies, against the vectors of RFC 9018 Appendix A.
#include <catch2/catch.hpp>

#include "idetcd-resolver/wire/cookie.h"
#include "support/dns_probe.h"

namespace idetcd::testing {
namespace {

using namespace resolver;

std::vector<std::byte> from_hex(const std::string& text) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i < text.size(); i += 2)
    bytes.push_back(static_cast<std::byte>(std::stoi(text.substr(i, 2), nullptr, 16)));
  return bytes;
}

CookieSecret secret_of(const std::string& hex) {
  CookieSecret secret;
  std::memcpy(secret.bytes.data(), from_hex(hex).data(), secret.bytes.size());
  return secret;
}

Ipv6 v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
  return {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d};
}

using Client = std::span<const std::byte, kClientCookieSize>;

TEST_CASE("server cookies are those of RFC 9018", "[dns][cookie]") {
  const CookieSecret secret = secret_of("e5e973e5a6b2a43f48e7dc849e37bfcf");
  const auto first = from_hex("2464c4abcf10c957");
  const auto cookie = make_server_cookie(secret, Client(first), v4(198, 51, 100, 100), 1559731985);
  REQUIRE(cookie);
  CHECK(std::vector(cookie->begin(), cookie->end()) == from_hex("010000005cf79f111f8130c3eee29480"));

  const auto renewed = make_server_cookie(secret, Client(first), v4(198, 51, 100, 100), 1559734385);
  REQUIRE(renewed);
  CHECK(std::vector(renewed->begin(), renewed->end()) == from_hex("010000005cf7a871d4a564a1442aca77"));

  const auto six = from_hex("22681ab97d52c298");
  const Ipv6 address{0x20, 0x01, 0x0d, 0xb8, 0x02, 0x20, 0, 1, 0x59, 0xde, 0xd0, 0xf4, 0x87, 0x69, 0x82, 0xb8};
  const CookieSecret rolled = secret_of("445536bcd2513298075a5d379663c962");
  const auto v6 = make_server_cookie(rolled, Client(six), address, 1559741961);
  REQUIRE(v6);
  CHECK(std::vector(v6->begin(), v6->end()) == from_hex("010000005cf7c609a6bb79d16625507a"));
}

TEST_CASE("cookies go back with the server's half", "[dns][cookie]") {
  ZoneBuilder builder = make_builder({"worker{{.ID}}.tf.local."});
  const auto zone = builder.commit(1);
  const auto client = from_hex("2464c4abcf10c957");
  const auto query = [&](std::size_t size) {
    std::vector<std::byte> value(size, std::byte{7});
    std::copy_n(client.begin(), std::min(size, client.size()), value.begin());
    return Query{.name = "worker1.tf.local.", .edns = EdnsQuery{.options = make_option(10, value)}};
  };
  for (std::size_t size = 0; size <= 48; ++size) {
    CAPTURE(size);
    const DecodedReply reply = ask(*zone, query(size));
    if (size == 8 || (size >= 16 && size <= 40)) {
      CHECK(reply.rcode() == 3);
      REQUIRE(reply.edns_option(10));
      CHECK(reply.edns_option(10)->size() == 24);
      CHECK(std::equal(client.begin(), client.end(), reply.edns_option(10)->begin()));
    } else {
      CHECK(reply.rcode() == 1);
    }
  }
  AnswerPolicy without = probe_policy();
  without.cookies = false;
  CHECK(DecodedReply(ask(*zone, make_query(query(8)), without, {})).edns_options().empty());
}

TEST_CASE("a server cookie can be asked for without a question", "[dns][cookie]") {
  ZoneBuilder builder = make_builder({"worker{{.ID}}.tf.local."});
  Packet request =
      make_query({.name = ".", .edns = EdnsQuery{.options = make_option(10, from_hex("2464c4abcf10c957"))}});
  request[5] = std::byte{0};
  request.erase(request.begin() + 12, request.begin() + 17);
  const DecodedReply reply(ask(*builder.commit(1), request));
  CHECK(reply.rcode() == 0);
  CHECK(reply.records(DnsSection::kQuestion).empty());
  REQUIRE(reply.edns_option(10));
  CHECK(reply.edns_option(10)->size() == 24);
}

}  // namespace
}  // namespace idetcd::testing
