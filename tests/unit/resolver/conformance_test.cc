// The corners of RFC 1035, 6891, 7873 and 4035 where servers are compared. What is asked
// here was put to Knot 3.2, NSD 4.6 and BIND 9.18 as well; where they differ among
// themselves the RFC decided.
#include <catch2/catch.hpp>

#include "support/dns_probe.h"

namespace idetcd::testing {
namespace {

using namespace resolver;

const std::string kName = "worker1.tf.local.";
constexpr std::size_t kOptBytes = 11;

std::shared_ptr<const ZoneSet> zone_of_ten() {
  ZoneBuilder builder = make_builder({"worker{{.ID}}.tf.local."});
  for (SlotId slot = 1; slot <= 10; ++slot) {
    const NamedRecord record = make_record(slot);
    builder.set(0, slot, &record);
  }
  return builder.commit(1);
}

void set16(Packet& packet, std::size_t at, std::uint16_t value) {
  store16(packet.data() + at, value);
}

std::uint16_t flags_of(const Packet& packet) {
  return load16(packet.data() + 2);
}

unsigned rcode_of(const Packet& reply) {
  return std::to_integer<unsigned>(reply[3]) & 15;
}

Packet bytes(std::initializer_list<int> values) {
  Packet out;
  for (const int value : values) out.push_back(static_cast<std::byte>(value));
  return out;
}

// A query with a record behind the question, counted in the section at `count_at` of the header.
Packet with_record(std::size_t count_at, const Packet& record) {
  Packet request = make_query({kName});
  set16(request, count_at, 1);
  request.insert(request.end(), record.begin(), record.end());
  return request;
}

constexpr std::size_t kAnswerCount = 6;
constexpr std::size_t kAuthorityCount = 8;
constexpr std::size_t kAdditionalCount = 10;

const Packet kOptRecord = bytes({0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0});

// `owner`, then an A record of 10.0.0.1.
Packet address_record(Packet owner) {
  const Packet rest = bytes({0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 10, 0, 0, 1});
  owner.insert(owner.end(), rest.begin(), rest.end());
  return owner;
}

TEST_CASE("only RD of the query's flags goes back", "[dns][conformance]") {
  const auto zone = zone_of_ten();
  for (unsigned bit = 0; bit < 16; ++bit) {
    if (bit >= 11) continue;  // QR and the opcode are other cases
    CAPTURE(bit);
    Packet request = make_query({.name = kName, .recursion_desired = false});
    set16(request, 2, static_cast<std::uint16_t>(1U << bit));
    const Packet reply = ask(*zone, request);
    CHECK(flags_of(reply) == (0x8400U | (bit == 8 ? 0x0100U : 0U)));  // QR AA, RD; no AD, CD, RA, TC or rcode
  }
}

TEST_CASE("an OPT belongs in the additional section, once, owned by the root", "[dns][conformance]") {
  const auto zone = zone_of_ten();
  CHECK(rcode_of(ask(*zone, with_record(kAdditionalCount, kOptRecord))) == 0);
  CHECK(rcode_of(ask(*zone, with_record(kAnswerCount, kOptRecord))) == 1);
  CHECK(rcode_of(ask(*zone, with_record(kAuthorityCount, kOptRecord))) == 1);

  Packet both = with_record(kAuthorityCount, kOptRecord);
  set16(both, kAdditionalCount, 1);
  both.insert(both.end(), kOptRecord.begin(), kOptRecord.end());
  CHECK(rcode_of(ask(*zone, both)) == 1);

  Packet pointing = kOptRecord;  // to the root at the question's end, which is not the same
  pointing.erase(pointing.begin());
  const Packet pointer = bytes({0xc0, 12 + 17});
  pointing.insert(pointing.begin(), pointer.begin(), pointer.end());
  CHECK(rcode_of(ask(*zone, with_record(kAdditionalCount, pointing))) == 1);
}

TEST_CASE("an OPT that cannot be read is FORMERR, and gets one back", "[dns][conformance]") {
  // RFC 6891 7: so that it is told from a server without EDNS.
  const auto zone = zone_of_ten();
  for (const Packet& options : {bytes({0}), bytes({0, 10, 0}), bytes({0, 3, 0, 1}), bytes({0, 3, 0, 0, 0, 10, 0, 9})}) {
    const DecodedReply reply = ask(*zone, Query{.name = kName, .edns = EdnsQuery{.options = options}});
    CHECK(reply.rcode() == 1);
    CHECK(reply.edns());
    CHECK(reply.records(DnsSection::kAnswer).empty());
  }
}

TEST_CASE("every EDNS version but 0 is BADVERS, whatever else was asked", "[dns][conformance]") {
  const auto zone = zone_of_ten();
  for (unsigned version = 1; version < 256; ++version) {
    CAPTURE(version);
    const EdnsQuery edns{.version = static_cast<std::uint8_t>(version), .dnssec_ok = true, .options = bytes({1, 2, 3})};
    const DecodedReply reply = ask(*zone, Query{.name = "example.org.", .edns = edns});
    CHECK(reply.rcode() == 16);
    CHECK(reply.edns());
    CHECK(reply.payload() == kMaxUdpReply);
    CHECK(reply.records(DnsSection::kAuthority).empty());
  }
}

TEST_CASE("of the EDNS flags only DO goes back", "[dns][conformance]") {
  const auto zone = zone_of_ten();
  for (const bool dnssec_ok : {false, true}) {
    Packet request = make_query({.name = kName, .edns = EdnsQuery{}});
    set16(request, request.size() - 4, dnssec_ok ? 0xffff : 0x7fff);
    const Packet reply = ask(*zone, request);
    CHECK(load16(reply.data() + reply.size() - 4) == (dnssec_ok ? 0x8000 : 0));
    CHECK(std::to_integer<unsigned>(reply[reply.size() - 5]) == 0);  // the version we speak
  }
}

TEST_CASE("any number of unknown EDNS options is ignored", "[dns][conformance]") {
  const auto zone = zone_of_ten();
  Packet options;
  for (unsigned code = 0; code < 100; ++code) {
    if (code == 3 || code == 10) continue;  // NSID and cookies are known
    const Packet option = make_option(static_cast<std::uint16_t>(code), Packet(code % 3, std::byte{1}));
    options.insert(options.end(), option.begin(), option.end());
  }
  const DecodedReply reply = ask(*zone, Query{.name = kName, .edns = EdnsQuery{.options = options}});
  CHECK(reply.rcode() == 0);
  CHECK(reply.edns_options().empty());
}

TEST_CASE("an opcode we do not implement gets EDNS back if it came with it", "[dns][conformance]") {
  const auto zone = zone_of_ten();
  for (std::uint8_t opcode = 1; opcode < 16; ++opcode) {
    CAPTURE(int{opcode});
    const Packet request = make_query({.name = kName, .edns = EdnsQuery{}, .opcode = opcode});
    const Packet reply = ask(*zone, request);
    REQUIRE(reply.size() == kHeaderSize + kOptBytes);
    CHECK(rcode_of(reply) == 4);
    CHECK(load16(reply.data() + 4) == 0);
    // And none of it needs to make sense to us.
    CHECK(rcode_of(ask(*zone, Packet(request.begin(), request.end() - 7))) == 4);
    CHECK(rcode_of(ask(*zone, Packet(request.begin(), request.begin() + kHeaderSize))) == 4);
  }
}

TEST_CASE("names of other records may be compressed, backwards only", "[dns][conformance]") {
  const auto zone = zone_of_ten();
  const auto end = static_cast<int>(make_query({kName}).size());  // where the record's owner begins
  const auto rcode = [&](const Packet& owner) {
    return rcode_of(ask(*zone, with_record(kAdditionalCount, address_record(owner))));
  };
  CHECK(rcode(bytes({0xc0, 12})) == 0);
  CHECK(rcode(bytes({1, 'a', 0xc0, 12})) == 0);
  CHECK(rcode(bytes({0xc0, 20})) == 0);           // "tf.local."
  CHECK(rcode(bytes({0xc0, end})) == 1);          // itself
  CHECK(rcode(bytes({0xc0, end + 2})) == 1);      // onwards
  CHECK(rcode(bytes({0xc0, end - 4, 0})) == 1);   // a type, which would lead on to itself
  CHECK(rcode(bytes({1, 'a', 0xc0, end})) == 1);  // a loop
  CHECK(rcode(bytes({0xc0, 0})) == 1);            // the header
  CHECK(rcode(bytes({0xff, 0xff})) == 1);
  CHECK(rcode(bytes({0x80, 12})) == 1);
  CHECK(rcode(bytes({0x40, 12})) == 1);
}

TEST_CASE("pointers to pointers come to an end", "[dns][conformance]") {
  const auto zone = zone_of_ten();
  Packet request = make_query({kName});
  std::size_t target = kHeaderSize;
  for (std::size_t i = 1; i <= 100; ++i) {
    const std::size_t at = request.size();
    const Packet record = address_record(bytes({0xc0 | static_cast<int>(target >> 8), static_cast<int>(target & 255)}));
    request.insert(request.end(), record.begin(), record.end());
    set16(request, kAdditionalCount, static_cast<std::uint16_t>(i));
    target = at;
    CAPTURE(i);
    CHECK(rcode_of(ask(*zone, request, Transport::kTcp)) == (i <= 16 ? 0 : 1));
  }
}

TEST_CASE("a signature nobody asked for is passed over", "[dns][conformance]") {
  const auto zone = zone_of_ten();
  const Packet tsig = bytes({3, 'k', 'e', 'y', 0, 0, 250, 0, 255, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4});
  CHECK(rcode_of(ask(*zone, with_record(kAdditionalCount, tsig))) == 0);
}

TEST_CASE("meta types and unknown ones are types without records", "[dns][conformance]") {
  const auto zone = zone_of_ten();
  for (const unsigned type :
       {0U, 3U, 5U, 12U, 24U, 41U, 43U, 46U, 47U, 48U, 128U, 249U, 250U, 253U, 254U, 256U, 32768U, 65280U, 65535U}) {
    for (const std::string& name : {kName, std::string("tf.local.")}) {
      CAPTURE(type, name);
      const DecodedReply reply = ask(*zone, Query{.name = name, .type = static_cast<std::uint16_t>(type)});
      CHECK(reply.rcode() == 0);
      CHECK(reply.authoritative());
      CHECK(reply.records(DnsSection::kAnswer).empty());
      CHECK(reply.records(DnsSection::kAuthority).size() == 1);
    }
  }
}

TEST_CASE("labels may hold any byte", "[dns][conformance]") {
  const auto zone = zone_of_ten();
  const auto rcode = [&](const Packet& label, const std::string& rest) {
    Packet request = make_query({rest});
    Packet name{static_cast<std::byte>(label.size())};
    name.insert(name.end(), label.begin(), label.end());
    request.insert(request.begin() + kHeaderSize, name.begin(), name.end());
    const Packet reply = ask(*zone, request);
    CHECK(std::equal(request.begin() + kHeaderSize, request.end(), reply.begin() + kHeaderSize));
    return rcode_of(reply);
  };
  CHECK(rcode(bytes({0, 255, '.', ' ', '\\'}), "tf.local.") == 3);
  CHECK(rcode(bytes({'w', 'o', 'r', 'k', 'e', 'r', '1', 0}), "tf.local.") == 3);
  CHECK(rcode(bytes({'w', 'o', 'r', 'k', 'e', 'r', '1', '.', 't', 'f'}), "local.") == 5);  // a dot is no label's end
  CHECK(rcode(bytes({'W', 'O', 'R', 'K', 'E', 'R', '1'}), "tf.local.") == 0);
  // Only ASCII letters have two cases: '[' is not '{', nor 0xd7 'W'.
  CHECK(rcode(bytes({0xd7, 'o', 'r', 'k', 'e', 'r', '1'}), "tf.local.") == 3);
  CHECK(rcode(bytes({'w', 'o', 'r', 'k', 'e', 'r', 0x11}), "tf.local.") == 3);
}

TEST_CASE("a negative answer fits under any name", "[dns][conformance]") {
  const auto zone = zone_of_ten();
  std::string name;
  for (const std::size_t size : {63U, 63U, 63U, 52U}) name += std::string(size, 'a') + ".";
  name += "tf.local.";
  const DecodedReply reply = ask(*zone, Query{.name = name, .edns = EdnsQuery{.payload = 0}});
  CHECK(reply.rcode() == 3);
  CHECK_FALSE(reply.truncated());
  CHECK(reply.records(DnsSection::kAuthority).front().starts_with("tf.local. 2 IN SOA"));
}

}  // namespace
}  // namespace idetcd::testing
