// What answer() says, by tables, read back by ldns.
#include <catch2/catch.hpp>

#include "support/dns_probe.h"

namespace idetcd::testing {
namespace {

using namespace resolver;
using Lines = std::vector<std::string>;

constexpr auto kAnswer = DnsSection::kAnswer;
constexpr auto kAuthority = DnsSection::kAuthority;
constexpr auto kAdditional = DnsSection::kAdditional;

const std::string kSoa = "IN SOA ns.tf.local. root.tf.local. 77 60 10 86400 2";

// worker1, worker2 and worker4 are taken; worker4 has no IPv6, worker2 three IPv4.
std::shared_ptr<const ZoneSet> small_zone(Freshness freshness = Freshness::kLive) {
  ZoneOptions options;
  options.nameserver_ipv4 = {{127, 0, 0, 1}};
  ZoneBuilder builder = make_builder({"worker{{.ID}}.tf.local.", "n{{.ID}}.rack.deep.example."}, 10, options);
  const NamedRecord one = make_record(1);
  NamedRecord two = make_record(2);
  two.record.ipv4 = {{10, 0, 0, 2}, {10, 1, 0, 2}, {10, 0, 0, 2}, {10, 2, 0, 2}};
  two.record.ttl = std::chrono::seconds(3);
  NamedRecord four = make_record(4);
  four.record.ipv6.clear();
  builder.set(0, 1, &one);
  builder.set(0, 2, &two);
  builder.set(0, 4, &four);
  builder.set(1, 1, &one);
  builder.set_freshness(freshness);
  return builder.commit(77);
}

struct Row {
  std::string name;
  std::uint16_t type;
  unsigned rcode;
  bool authoritative;
  Lines answers;
  Lines authorities;
};

TEST_CASE("each question has its answer", "[dns]") {
  const auto zone = small_zone();
  const Row row = GENERATE(values<Row>({
      {"worker1.tf.local.", kTypeA, 0, true, {"worker1.tf.local. 5 IN A 10.0.0.1"}, {}},
      {"worker1.tf.local.", kTypeAaaa, 0, true, {"worker1.tf.local. 5 IN AAAA fd00::1"}, {}},
      {"worker1.tf.local.", kTypeTxt, 0, true, {R"(worker1.tf.local. 5 IN TXT "slot=1" "token=1001")"}, {}},
      {"wOrKer1.TF.locaL.", kTypeA, 0, true, {"wOrKer1.TF.locaL. 5 IN A 10.0.0.1"}, {}},
      {"worker2.tf.local.",
       kTypeA,
       0,
       true,
       {"worker2.tf.local. 3 IN A 10.0.0.2", "worker2.tf.local. 3 IN A 10.1.0.2", "worker2.tf.local. 3 IN A 10.2.0.2"},
       {}},
      {"worker4.tf.local.", kTypeAaaa, 0, true, {}, {"tf.local. 2 " + kSoa}},
      {"worker1.tf.local.", 15, 0, true, {}, {"tf.local. 2 " + kSoa}},
      {"worker1.tf.local.", kTypeAny, 0, true, {"worker1.tf.local. 5 IN A 10.0.0.1"}, {}},
      {"worker3.tf.local.", kTypeA, 3, true, {}, {"tf.local. 2 " + kSoa}},
      {"worker3.tf.local.", kTypeAny, 3, true, {}, {"tf.local. 2 " + kSoa}},
      {"worker11.tf.local.", kTypeA, 3, true, {}, {"tf.local. 2 " + kSoa}},
      {"x.worker1.tf.local.", kTypeA, 3, true, {}, {"tf.local. 2 " + kSoa}},
      {"tf.local.", kTypeSoa, 0, true, {"tf.local. 5 " + kSoa}, {}},
      {"TF.local.", kTypeSoa, 0, true, {"TF.local. 5 IN SOA ns.TF.local. root.TF.local. 77 60 10 86400 2"}, {}},
      {"tf.local.", kTypeNs, 0, true, {"tf.local. 5 IN NS ns.tf.local."}, {}},
      {"tf.local.", kTypeA, 0, true, {}, {"tf.local. 2 " + kSoa}},
      {"worker1.tf.local.", kTypeSoa, 0, true, {}, {"tf.local. 2 " + kSoa}},
      {"ns.tf.local.", kTypeA, 0, true, {"ns.tf.local. 5 IN A 127.0.0.1"}, {}},
      {"ns.tf.local.", kTypeAaaa, 0, true, {}, {"tf.local. 2 " + kSoa}},
      {"n1.rack.deep.example.", kTypeA, 0, true, {"n1.rack.deep.example. 5 IN A 10.0.0.1"}, {}},
      {"local.", kTypeA, 5, false, {}, {}},
      {"deep.example.", kTypeA, 5, false, {}, {}},
      {"xtf.local.", kTypeA, 5, false, {}, {}},
      {"example.org.", kTypeSoa, 5, false, {}, {}},
      {".", kTypeNs, 5, false, {}, {}},
      {"worker1.tf.local.", kTypeAxfr, 5, false, {}, {}},
      {"tf.local.", kTypeIxfr, 5, false, {}, {}},
  }));
  CAPTURE(row.name, row.type);
  const DecodedReply reply = ask(*zone, Query{row.name, row.type});
  CHECK(reply.rcode() == row.rcode);
  CHECK(reply.authoritative() == row.authoritative);
  CHECK(reply.records(kAnswer) == row.answers);
  CHECK(reply.records(kAuthority) == row.authorities);
  CHECK_FALSE(reply.truncated());
  CHECK(reply.id() == 0x1234);
  CHECK(reply.recursion_desired());
  CHECK_FALSE(reply.edns());
}

TEST_CASE("the question goes back byte for byte", "[dns]") {
  const Packet request = make_query({"WoRkEr1.tF.LoCaL.", kTypeA});
  const Packet reply = ask(*small_zone(), request);
  CHECK(std::equal(request.begin() + 12, request.end(), reply.begin() + 12));
}

TEST_CASE("the NS answer brings the server's address", "[dns]") {
  const DecodedReply reply = ask(*small_zone(), Query{"tf.local.", kTypeNs});
  CHECK(reply.records(kAdditional) == Lines{"ns.tf.local. 5 IN A 127.0.0.1"});
}

TEST_CASE("a name between a zone and its names exists", "[dns]") {
  ZoneBuilder builder = make_builder({"a{{.ID}}.b{{.ID}}.tf.local."});
  const NamedRecord record = make_record(1);
  builder.set(0, 1, &record);
  CHECK(ask(*builder.commit(1), Query{"b1.tf.local."}).rcode() == 0);
  CHECK(ask(*builder.commit(1), Query{"b2.tf.local."}).rcode() == 3);
  builder.set(0, 1, nullptr);
  CHECK(ask(*builder.commit(2), Query{"b1.tf.local."}).rcode() == 3);
}

TEST_CASE("every opcode but QUERY is not implemented", "[dns]") {
  const auto zone = small_zone();
  for (std::uint8_t opcode = 1; opcode < 16; ++opcode) {
    CAPTURE(int{opcode});
    const Packet reply = ask(*zone, make_query({.name = "worker1.tf.local.", .opcode = opcode}));
    REQUIRE(reply.size() == 12);
    CHECK(std::to_integer<unsigned>(reply[2]) == (0x81U | unsigned{opcode} << 3));
    CHECK(std::to_integer<unsigned>(reply[3]) == 4);
  }
}

TEST_CASE("every class but IN is refused", "[dns]") {
  const auto zone = small_zone();
  for (unsigned qclass = 0; qclass < 65536; qclass += qclass < 300 ? 1 : 97) {
    if (qclass == kClassIn) continue;
    CAPTURE(qclass);
    const DecodedReply reply =
        ask(*zone, Query{.name = "worker1.tf.local.", .qclass = static_cast<std::uint16_t>(qclass)});
    CHECK(reply.rcode() == 5);
    CHECK_FALSE(reply.authoritative());
  }
}

TEST_CASE("every type is answered with its records or with none", "[dns]") {
  const auto zone = small_zone();
  for (unsigned type = 0; type < 65536; ++type) {
    const Packet reply = ask(*zone, make_query({"worker1.tf.local.", static_cast<std::uint16_t>(type)}));
    const bool exists = type == kTypeA || type == kTypeAaaa || type == kTypeTxt || type == kTypeAny;
    const bool transfer = type == kTypeAxfr || type == kTypeIxfr;
    if ((load16(reply.data() + 6) == 1) != exists || (std::to_integer<unsigned>(reply[3]) == 5) != transfer)
      FAIL("type " << type);
  }
}

TEST_CASE("EDNS only when asked, and to the letter", "[dns]") {
  const auto zone = small_zone();
  const DecodedReply reply = ask(*zone, Query{.name = "worker1.tf.local.", .edns = EdnsQuery{.dnssec_ok = true}});
  CHECK(reply.edns());
  CHECK(reply.payload() == kMaxUdpReply);
  CHECK(reply.dnssec_ok());
  CHECK(reply.edns_options().empty());
  CHECK(reply.records(kAnswer).size() == 1);

  const DecodedReply newer = ask(*zone, Query{.name = "worker1.tf.local.", .edns = EdnsQuery{.version = 1}});
  CHECK(newer.rcode() == 16);
  CHECK(newer.edns());
  CHECK(newer.records(kAnswer).empty());

  const Packet unknown = make_option(65001, std::as_bytes(std::span("hello")));
  const DecodedReply ignored = ask(*zone, Query{.name = "worker1.tf.local.", .edns = EdnsQuery{.options = unknown}});
  CHECK(ignored.rcode() == 0);
  CHECK(ignored.edns_options().empty());

  const DecodedReply nsid = ask(*zone, Query{.name = "no.tf.local.", .edns = EdnsQuery{.options = make_option(3, {})}});
  REQUIRE(nsid.edns_option(3));
  CHECK(nsid.edns_option(3)->size() == 4);
  CHECK(nsid.rcode() == 3);
}

TEST_CASE("stale answers say so, expired ones are refused", "[dns]") {
  const Query query{.name = "worker1.tf.local.", .edns = EdnsQuery{}};
  const DecodedReply stale = ask(*small_zone(Freshness::kStale), query);
  CHECK(stale.records(kAnswer).size() == 1);
  REQUIRE(stale.edns_option(15));
  CHECK(load16(stale.edns_option(15)->data()) == 3);

  const DecodedReply expired = ask(*small_zone(Freshness::kExpired), query);
  CHECK(expired.rcode() == 2);
  CHECK(expired.records(kAnswer).empty());
  REQUIRE(expired.edns_option(15));
  CHECK_FALSE(ask(*small_zone(Freshness::kStale), Query{"worker1.tf.local."}).edns());
}

TEST_CASE("an RRset that does not fit is left out whole", "[dns]") {
  ZoneBuilder builder = make_builder({"worker{{.ID}}.tf.local."});
  NamedRecord named = make_record(1);
  named.record.ipv6.clear();
  for (std::uint8_t i = 0; i < 16; ++i) named.record.ipv6.push_back({0xfd, i});
  builder.set(0, 1, &named);
  const auto zone = builder.commit(1);
  const Query plain{"worker1.tf.local.", kTypeAaaa};
  Query large = plain;

  // 34 bytes of question, 16 records of 28: 482; 11 of OPT make 493.
  CHECK(ask(*zone, plain).records(kAnswer).size() == 16);
  const Packet nsid = make_option(3, {});
  large.edns = EdnsQuery{.payload = 512, .options = nsid};  // 8 bytes more: still fits
  CHECK(ask(*zone, large).size() == 501);

  named.record.meta["pad"] = std::string(200, 'x');
  named.record.meta["pat"] = std::string(200, 'x');
  named.record.meta["pax"] = std::string(200, 'x');
  builder.set(0, 1, &named);
  const auto wide = builder.commit(2);
  const DecodedReply cut = ask(*wide, Query{"worker1.tf.local.", kTypeTxt});
  CHECK(cut.truncated());
  CHECK(cut.records(kAnswer).empty());
  CHECK(cut.rcode() == 0);
  CHECK(ask(*wide, Query{"worker1.tf.local.", kTypeTxt}, Transport::kTcp).records(kAnswer).size() == 1);
  CHECK_FALSE(
      ask(*wide, Query{.name = "worker1.tf.local.", .type = kTypeTxt, .edns = EdnsQuery{.payload = 4096}}).truncated());
  // A payload below 512 means 512 (RFC 6891 6.2.5).
  CHECK_FALSE(
      ask(*wide, Query{.name = "worker1.tf.local.", .type = kTypeA, .edns = EdnsQuery{.payload = 1}}).truncated());
}

TEST_CASE("CH TXT tells who the server is, when it may", "[dns]") {
  const auto zone = small_zone();
  AnswerPolicy open = probe_policy();
  open.version = "idetcd 1.0";
  open.id = "node-7";
  const Row row = GENERATE(values<Row>({
      {"version.bind.", kTypeTxt, 0, true, {R"(version.bind. 0 CH TXT "idetcd 1.0")"}, {}},
      {"Version.Server.", kTypeTxt, 0, true, {R"(Version.Server. 0 CH TXT "idetcd 1.0")"}, {}},
      {"id.server.", kTypeTxt, 0, true, {R"(id.server. 0 CH TXT "node-7")"}, {}},
      {"hostname.bind.", kTypeTxt, 0, true, {R"(hostname.bind. 0 CH TXT "node-7")"}, {}},
      {"id.server.", kTypeA, 0, true, {}, {}},
      {"authors.bind.", kTypeTxt, 5, false, {}, {}},
  }));
  CAPTURE(row.name);
  const Packet request = make_query({.name = row.name, .type = row.type, .qclass = kClassCh});
  const DecodedReply reply(ask(*zone, request, open, {}));
  CHECK(reply.rcode() == row.rcode);
  CHECK(reply.records(kAnswer) == row.answers);
  CHECK(DecodedReply(ask(*zone, request)).rcode() == 5);  // nothing configured, nothing told
}

TEST_CASE("networks are let in or kept out", "[dns]") {
  const auto zone = small_zone();
  AnswerPolicy policy = probe_policy();
  policy.allow = app::NetworkList(std::vector{parse_network("10.0.0.0/8").value()});
  policy.deny = app::NetworkList(std::vector{parse_network("10.9.0.0/16").value()});
  const auto rcode_for = [&](std::array<std::uint8_t, 4> v4) {
    RequestContext peer{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, v4[0], v4[1], v4[2], v4[3]}, Transport::kUdp, 0, 0};
    return DecodedReply(ask(*zone, make_query({"worker1.tf.local."}), policy, peer)).rcode();
  };
  CHECK(rcode_for({10, 1, 2, 3}) == 0);
  CHECK(rcode_for({10, 9, 2, 3}) == 5);
  CHECK(rcode_for({192, 0, 2, 1}) == 5);
}

TEST_CASE("small answers amplify little", "[dns]") {
  const auto zone = small_zone();
  for (const char* name : {"worker1.tf.local.", "worker3.tf.local."}) {
    for (const std::uint16_t type : {kTypeA, kTypeAaaa, kTypeAny, kTypeSoa, kTypeTxt}) {
      for (const bool edns : {false, true}) {
        CAPTURE(name, type, edns);
        const Packet request =
            make_query({.name = name, .type = type, .edns = edns ? std::optional(EdnsQuery{}) : std::nullopt});
        CHECK(ask(*zone, request).size() <= 2.4 * static_cast<double>(request.size()));
      }
    }
  }
}

}  // namespace
}  // namespace idetcd::testing
