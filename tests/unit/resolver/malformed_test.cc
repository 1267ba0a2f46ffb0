// Requests nobody should send.
#include <catch2/catch.hpp>

#include "support/dns_probe.h"

namespace idetcd::testing {
namespace {

using namespace resolver;

std::shared_ptr<const ZoneSet> zone_of_ten() {
  ZoneBuilder builder = make_builder({"worker{{.ID}}.tf.local."});
  for (SlotId slot = 1; slot <= 10; ++slot) {
    const NamedRecord record = make_record(slot);
    builder.set(0, slot, &record);
  }
  return builder.commit(1);
}

Packet valid_request() {
  return make_query({.name = "worker1.tf.local.",
                     .edns = EdnsQuery{.options = make_option(10, std::as_bytes(std::span("clientco", 8)))}});
}

unsigned rcode_of(const Packet& reply) {
  return std::to_integer<unsigned>(reply[3]) & 15;
}

Packet with_name(const Packet& name) {
  Packet request = make_query({"."});
  request.erase(request.begin() + 12);
  request.insert(request.begin() + 12, name.begin(), name.end());
  return request;
}

Packet labels(std::size_t count, std::size_t size) {
  Packet name;
  for (std::size_t i = 0; i < count; ++i) {
    name.push_back(static_cast<std::byte>(size));
    name.insert(name.end(), size, std::byte{'a'});
  }
  name.push_back(std::byte{0});
  return name;
}

TEST_CASE("every prefix of a valid query: silence, then FORMERR, then the answer", "[dns]") {
  const auto zone = zone_of_ten();
  const Packet whole = valid_request();
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    CAPTURE(size);
    const Packet reply = ask(*zone, Packet(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    if (size < 12) {
      CHECK(reply.empty());
    } else {
      REQUIRE(reply.size() >= 12);
      CHECK(rcode_of(reply) == (size == whole.size() ? 0 : 1));
      DecodedReply decoded(reply);
    }
  }
}

TEST_CASE("a byte too many is FORMERR", "[dns]") {
  Packet request = make_query({"worker1.tf.local."});
  request.push_back(std::byte{0});
  CHECK(rcode_of(ask(*zone_of_ten(), request)) == 1);
}

TEST_CASE("every single-bit flip of a valid query gets a well-formed reply or none", "[dns]") {
  const auto zone = zone_of_ten();
  const Packet whole = valid_request();
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    CAPTURE(bit);
    Packet request = whole;
    request[bit / 8] ^= std::byte{1} << (7 - bit % 8);
    const Packet reply = ask(*zone, request);
    if (bit == 16) {
      CHECK(reply.empty());  // QR
      continue;
    }
    REQUIRE(reply.size() >= 12);
    DecodedReply decoded(reply);
    CHECK(decoded.id() == load16(request.data()));
    CHECK(std::to_integer<unsigned>(reply[2] & std::byte{0x80}) != 0);
  }
}

TEST_CASE("a reply is not answered", "[dns]") {
  Packet request = make_query({"worker1.tf.local."});
  request[2] |= std::byte{0x80};
  CHECK(ask(*zone_of_ten(), request).empty());
}

TEST_CASE("compression in the question is FORMERR", "[dns]") {
  const auto zone = zone_of_ten();
  for (const unsigned target : {0U, 4U, 12U, 13U, 14U, 63U, 0x3fffU}) {
    CAPTURE(target);
    const std::byte high{static_cast<std::uint8_t>(0xc0 | target >> 8)};
    const std::byte low{static_cast<std::uint8_t>(target)};
    CHECK(rcode_of(ask(*zone, with_name({high, low}))) == 1);
    CHECK(rcode_of(ask(*zone, with_name({std::byte{1}, std::byte{'a'}, high, low}))) == 1);
  }
  CHECK(rcode_of(ask(*zone, with_name({std::byte{0x40}, std::byte{0}}))) == 1);
  CHECK(rcode_of(ask(*zone, with_name({std::byte{0x80}, std::byte{0}}))) == 1);
}

TEST_CASE("names of 255 bytes are names, longer ones are not", "[dns]") {
  const auto zone = zone_of_ten();
  CHECK(rcode_of(ask(*zone, with_name(labels(127, 1)))) == 5);  // 255 bytes
  CHECK(rcode_of(ask(*zone, with_name(labels(128, 1)))) == 1);
  CHECK(rcode_of(ask(*zone, with_name(labels(3, 63)))) == 5);
  CHECK(rcode_of(ask(*zone, with_name(labels(4, 63)))) == 1);  // 257
  CHECK(rcode_of(ask(*zone, with_name(labels(1, 64)))) == 1);
}

TEST_CASE("one question, no more and no less", "[dns]") {
  const auto zone = zone_of_ten();
  Packet none = make_query({"worker1.tf.local."});
  none[5] = std::byte{0};
  CHECK(rcode_of(ask(*zone, none)) == 1);
  Packet two = make_query({"worker1.tf.local."});
  two[5] = std::byte{2};
  two.insert(two.end(), two.begin() + 12, two.end());
  const Packet reply = ask(*zone, two);
  CHECK(rcode_of(reply) == 1);
  CHECK(reply.size() == 12);
  Packet many = make_query({"worker1.tf.local."});
  many[4] = std::byte{1};
  CHECK(rcode_of(ask(*zone, many)) == 1);
}

TEST_CASE("two OPT records are FORMERR, and so is one with an owner", "[dns]") {
  const auto zone = zone_of_ten();
  Packet two = make_query({.name = "worker1.tf.local.", .edns = EdnsQuery{}});
  two.insert(two.end(), two.end() - 11, two.end());
  two[11] = std::byte{2};
  CHECK(rcode_of(ask(*zone, two)) == 1);
  CHECK(DecodedReply(ask(*zone, two)).edns());

  Packet owned = make_query({.name = "worker1.tf.local.", .edns = EdnsQuery{}});
  const Packet owner{std::byte{1}, std::byte{'a'}};
  owned.insert(owned.end() - 11, owner.begin(), owner.end());
  CHECK(rcode_of(ask(*zone, owned)) == 1);
}

TEST_CASE("other records in a request are skipped", "[dns]") {
  const auto zone = zone_of_ten();
  Packet request = make_query({.name = "worker1.tf.local.", .edns = EdnsQuery{}});
  Packet extra{std::byte{0xc0}, std::byte{12}};  // owner: a pointer
  for (const int byte : {0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 10, 0, 0, 1}) extra.push_back(static_cast<std::byte>(byte));
  request.insert(request.end() - 11, extra.begin(), extra.end());
  request[9] = std::byte{1};
  const DecodedReply reply(ask(*zone, request));
  CHECK(reply.rcode() == 0);
  CHECK(reply.edns());
  request[9] = std::byte{2};  // one more than there are
  CHECK(rcode_of(ask(*zone, request)) == 1);
}

}  // namespace
}  // namespace idetcd::testing
