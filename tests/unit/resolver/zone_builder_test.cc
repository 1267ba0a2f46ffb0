// From records to the zone: services, pools, reverse zones, limits.
#include <catch2/catch.hpp>

#include <algorithm>
#include <set>

#include "support/dns_probe.h"

namespace idetcd::testing {
namespace {

using namespace resolver;
using Lines = std::vector<std::string>;

constexpr auto kAnswer = DnsSection::kAnswer;
constexpr auto kAdditional = DnsSection::kAdditional;

PatternTemplate pattern_of(const std::string& text, SlotId limit = 10) {
  return PatternTemplate::parse(text, limit).value();
}

ZoneBuilder builder_of(ZoneOptions options) {
  auto builder = ZoneBuilder::create(std::move(options));
  if (!builder) FAIL(builder.error().message);
  return std::move(*builder);
}

NamedRecord with_port(SlotId slot, const std::string& service = "grpc", std::uint16_t port = 2222) {
  NamedRecord named = make_record(slot);
  named.record.ports[service] = port;
  return named;
}

unsigned rcode(const ZoneSet& zone, const std::string& name, std::uint16_t type = kTypeA) {
  return ask(zone, Query{name, type}).rcode();
}

TEST_CASE("a node's named port is its SRV record, addresses beside it", "[dns][builder]") {
  ZoneBuilder builder = make_builder({"worker{{.ID}}.tf.local."});
  const NamedRecord three = with_port(3);
  builder.set(0, 3, &three);
  const auto zone = builder.commit(1);
  const DecodedReply reply = ask(*zone, Query{"_grpc._tcp.worker3.tf.local.", kTypeSrv});
  CHECK(reply.records(kAnswer) == Lines{"_grpc._tcp.worker3.tf.local. 5 IN SRV 0 1 2222 worker3.tf.local."});
  CHECK(reply.records(kAdditional) ==
        Lines{"worker3.tf.local. 5 IN A 10.0.0.3", "worker3.tf.local. 5 IN AAAA fd00::3"});
  CHECK(rcode(*zone, "_tcp.worker3.tf.local.", kTypeSrv) == 0);  // an empty non-terminal
  CHECK(rcode(*zone, "_http._tcp.worker3.tf.local.", kTypeSrv) == 3);
  CHECK(rcode(*zone, "_GRPC._TCP.worker3.tf.local.", kTypeSrv) == 0);

  builder.set(0, 3, nullptr);
  const auto empty = builder.commit(2);
  for (const char* name : {"_grpc._tcp.worker3.tf.local.", "_tcp.worker3.tf.local.", "worker3.tf.local.",
                           "_grpc._tcp.tf.local.", "_tcp.tf.local."}) {
    CAPTURE(name);
    CHECK(rcode(*empty, name, kTypeSrv) == 3);
  }
}

TEST_CASE("the zone's service name lists every node that has the port", "[dns][builder]") {
  ZoneBuilder builder = make_builder({"worker{{.ID}}.tf.local.", "ps{{.ID}}.tf.local."});
  const NamedRecord one = with_port(1);
  const NamedRecord two = with_port(2, "grpc", 3333);
  const NamedRecord other = with_port(5, "http", 80);
  builder.set(0, 1, &one);
  builder.set(1, 2, &two);
  builder.set(0, 5, &other);
  const DecodedReply both = ask(*builder.commit(1), Query{"_grpc._tcp.tf.local.", kTypeSrv});
  CHECK(both.records(kAnswer) == Lines{"_grpc._tcp.tf.local. 5 IN SRV 0 1 2222 worker1.tf.local.",
                                       "_grpc._tcp.tf.local. 5 IN SRV 0 1 3333 ps2.tf.local."});
  CHECK(both.records(kAdditional) == Lines{"worker1.tf.local. 5 IN A 10.0.0.1", "worker1.tf.local. 5 IN AAAA fd00::1",
                                           "ps2.tf.local. 5 IN A 10.0.0.2", "ps2.tf.local. 5 IN AAAA fd00::2"});

  NamedRecord moved = one;
  moved.record.ipv4 = {{192, 0, 2, 1}};
  moved.record.ports = {{"grpc", 4444}};
  builder.set(0, 1, &moved);
  const DecodedReply after = ask(*builder.commit(2), Query{"_grpc._tcp.tf.local.", kTypeSrv});
  CHECK(after.records(kAnswer).front() == "_grpc._tcp.tf.local. 5 IN SRV 0 1 4444 worker1.tf.local.");
  CHECK(after.records(kAdditional).front() == "worker1.tf.local. 5 IN A 192.0.2.1");

  builder.set(0, 1, nullptr);
  builder.set(1, 2, nullptr);
  const auto rest = builder.commit(3);
  CHECK(rcode(*rest, "_grpc._tcp.tf.local.", kTypeSrv) == 3);
  CHECK(rcode(*rest, "_http._tcp.tf.local.", kTypeSrv) == 0);
}

TEST_CASE("the seed's port is never an SRV port", "[dns][builder]") {
  ZoneBuilder builder = make_builder({"worker{{.ID}}.tf.local."});
  NamedRecord one = make_record(1);
  one.record.port = 53;
  builder.set(0, 1, &one);
  CHECK(rcode(*builder.commit(1), "_tcp.worker1.tf.local.", kTypeSrv) == 3);
}

TEST_CASE("a pool's name answers with its members, in turn", "[dns][builder]") {
  ZoneOptions options;
  options.pools = {{pattern_of("worker{{.ID}}.tf.local.", 500), "workers.tf.local."}};
  ZoneBuilder builder = builder_of(std::move(options));
  CHECK(ask(*builder.commit(1), Query{"workers.tf.local."}).rcode() == 0);  // exists, and has nobody
  for (SlotId slot = 1; slot <= 3; ++slot) {
    const NamedRecord record = make_record(slot);
    builder.set(0, slot, &record);
  }
  const auto zone = builder.commit(2);
  std::set<std::string> first;
  for (std::uint32_t turn = 0; turn < 3; ++turn) {
    const Packet reply = ask(*zone, make_query({"workers.tf.local."}), probe_policy(), {{}, Transport::kUdp, 0, turn});
    const Lines lines = DecodedReply(reply).records(kAnswer);
    CHECK(lines.size() == 3);
    CHECK(std::set<std::string>(lines.begin(), lines.end()).size() == 3);
    first.insert(lines.front());
  }
  CHECK(first.size() == 3);
  CHECK(ask(*zone, Query{"workers.tf.local.", kTypeAaaa}).records(kAnswer).size() == 3);
  builder.set(0, 2, nullptr);
  CHECK(ask(*builder.commit(3), Query{"workers.tf.local."}).records(kAnswer).size() == 2);
}

TEST_CASE("members that share an address are one record, with the least TTL", "[dns][builder]") {
  ZoneOptions options;
  options.pools = {{pattern_of("worker{{.ID}}.tf.local."), "workers.tf.local."}};
  ZoneBuilder builder = builder_of(std::move(options));
  NamedRecord one = make_record(1);
  NamedRecord two = make_record(1);
  two.record.ttl = std::chrono::seconds(2);
  two.record.ipv4.push_back({10, 7, 7, 7});
  builder.set(0, 1, &one);
  builder.set(0, 2, &two);
  CHECK(ask(*builder.commit(1), Query{"workers.tf.local."}).records(kAnswer) ==
        Lines{"workers.tf.local. 2 IN A 10.0.0.1", "workers.tf.local. 2 IN A 10.7.7.7"});
}

TEST_CASE("an RRset has at most a hundred records; the rest is counted", "[dns][builder]") {
  ZoneOptions options;
  options.pools = {{pattern_of("worker{{.ID}}.tf.local.", 500), "workers.tf.local."}};
  ZoneBuilder builder = builder_of(std::move(options));
  for (SlotId slot = 1; slot <= 130; ++slot) {
    const NamedRecord record = with_port(slot);
    builder.set(0, slot, &record);
  }
  auto zone = builder.commit(1);
  CHECK(builder.totals().over_limit == 90);  // 30 of A, AAAA and SRV each
  CHECK(ask(*zone, Query{"workers.tf.local."}).truncated());
  const Query everyone{"workers.tf.local."};
  CHECK(ask(*zone, everyone, Transport::kTcp).records(kAnswer).size() == 100);
  const Query services{"_grpc._tcp.tf.local.", kTypeSrv};
  const DecodedReply listed = ask(*zone, services, Transport::kTcp);
  CHECK(listed.records(kAnswer).size() == 100);
  CHECK(listed.records(kAdditional).size() == 200);
  CHECK(listed.records(kAdditional).back() == "worker100.tf.local. 5 IN AAAA fd00::64");

  // When a listed member goes, the next one comes in.
  builder.set(0, 7, nullptr);
  zone = builder.commit(2);
  const Lines after = ask(*zone, everyone, Transport::kTcp).records(kAnswer);
  CHECK(after.size() == 100);
  CHECK(std::count(after.begin(), after.end(), "workers.tf.local. 5 IN A 10.0.0.7") == 0);
  CHECK(std::count(after.begin(), after.end(), "workers.tf.local. 5 IN A 10.0.0.101") == 1);
  const NamedRecord seven = with_port(7);
  builder.set(0, 7, &seven);
  const Lines again = ask(*builder.commit(3), everyone, Transport::kTcp).records(kAnswer);
  CHECK(std::count(again.begin(), again.end(), "workers.tf.local. 5 IN A 10.0.0.7") == 1);
  CHECK(again.size() == 100);
}

TEST_CASE("reverse zones lead back to the names", "[dns][builder]") {
  ZoneOptions options;
  options.pools = {{pattern_of("worker{{.ID}}.tf.local."), {}}};
  options.reverse_zones = {"10.0.0.0/8", "d.f.ip6.arpa."};
  ZoneBuilder builder = builder_of(std::move(options));
  NamedRecord one = make_record(1);
  const NamedRecord two = make_record(1);  // another node on the same machine
  builder.set(0, 1, &one);
  builder.set(0, 2, &two);
  auto zone = builder.commit(9);
  const std::string owner = "1.0.0.10.in-addr.arpa.";
  CHECK(ask(*zone, Query{owner, kTypePtr}).records(kAnswer) ==
        Lines{owner + " 5 IN PTR worker1.tf.local.", owner + " 5 IN PTR worker2.tf.local."});
  CHECK(rcode(*zone, "0.0.10.in-addr.arpa.", kTypePtr) == 0);
  CHECK(rcode(*zone, "9.0.0.10.in-addr.arpa.", kTypePtr) == 3);
  CHECK(rcode(*zone, "1.0.0.11.in-addr.arpa.", kTypePtr) == 5);
  CHECK(ask(*zone, Query{"10.in-addr.arpa.", kTypeSoa}).records(kAnswer).size() == 1);

  one.record.ipv4 = {{192, 0, 2, 1}};  // outside the reverse zones
  builder.set(0, 1, &one);
  zone = builder.commit(10);
  CHECK(ask(*zone, Query{owner, kTypePtr}).records(kAnswer) == Lines{owner + " 5 IN PTR worker2.tf.local."});
  builder.set(0, 2, nullptr);
  zone = builder.commit(11);
  CHECK(rcode(*zone, owner, kTypePtr) == 3);
  CHECK(rcode(*zone, "0.0.10.in-addr.arpa.", kTypePtr) == 3);
}

TEST_CASE("more than a hundred names on one address wait for a place", "[dns][builder]") {
  ZoneOptions options;
  options.pools = {{pattern_of("worker{{.ID}}.tf.local.", 200), {}}};
  options.reverse_zones = {"127.in-addr.arpa."};
  ZoneBuilder builder = builder_of(std::move(options));
  for (SlotId slot = 1; slot <= 110; ++slot) {
    NamedRecord record = make_record(slot);
    record.record.ipv4 = {{127, 0, 0, 1}};
    builder.set(0, slot, &record);
  }
  const Query query{"1.0.0.127.in-addr.arpa.", kTypePtr};
  CHECK(ask(*builder.commit(1), query, Transport::kTcp).records(kAnswer).size() == 100);
  CHECK(builder.totals().over_limit == 10);
  for (SlotId slot = 1; slot <= 104; ++slot) builder.set(0, slot, nullptr);
  CHECK(ask(*builder.commit(2), query, Transport::kTcp).records(kAnswer).size() == 6);
  CHECK(builder.totals().over_limit == 0);
}

TEST_CASE("what cannot be written is left out and counted", "[dns][builder]") {
  ZoneBuilder builder = make_builder({"worker{{.ID}}.tf.local."});
  NamedRecord one = make_record(1);
  one.record.ports = {{"", 1}, {"a b", 2}, {std::string(63, 'x'), 3}, {"GRPC", 4}, {"grpc", 5}};
  one.record.meta = {{"long", std::string(300, 'x')}, {"role", "ps"}};
  builder.set(0, 1, &one);
  const auto zone = builder.commit(1);
  CHECK(builder.totals().unencodable == 5);
  CHECK(ask(*zone, Query{"worker1.tf.local.", kTypeTxt}).records(kAnswer) ==
        Lines{R"(worker1.tf.local. 5 IN TXT "slot=1" "token=1001" "role=ps")"});
  CHECK(rcode(*zone, "_grpc._tcp.worker1.tf.local.", kTypeSrv) == 0);

  builder.set(0, 1, &one);  // the same again is not counted again
  builder.commit(2);
  CHECK(builder.totals().unencodable == 5);
  one.record.meta.clear();
  builder.set(0, 1, &one);
  builder.commit(3);
  CHECK(builder.totals().unencodable == 4);
  builder.set(0, 1, nullptr);
  builder.commit(4);
  CHECK(builder.totals().unencodable == 0);
}

TEST_CASE("the deeper zone answers for its names", "[dns][builder]") {
  ZoneBuilder builder = make_builder({"worker{{.ID}}.tf.local.", "n{{.ID}}.a.b.tf.local."});
  const auto zone = builder.commit(5);
  const DecodedReply deep = ask(*zone, Query{"n1.a.b.tf.local."});
  CHECK(deep.rcode() == 3);
  CHECK(deep.records(DnsSection::kAuthority) ==
        Lines{"a.b.tf.local. 2 IN SOA ns.a.b.tf.local. root.a.b.tf.local. 5 60 10 86400 2"});
  CHECK(rcode(*zone, "b.tf.local.") == 0);  // between the two apexes
  CHECK(rcode(*zone, "c.tf.local.") == 3);
}

TEST_CASE("a pattern without a zone serves the root", "[dns][builder]") {
  ZoneBuilder builder = make_builder({"worker{{.ID}}"});
  const NamedRecord one = make_record(1);
  builder.set(0, 1, &one);
  const auto zone = builder.commit(5);
  CHECK(ask(*zone, Query{"worker1."}).records(kAnswer).size() == 1);
  const DecodedReply none = ask(*zone, Query{"example.org."});
  CHECK(none.rcode() == 3);
  CHECK(none.records(DnsSection::kAuthority) == Lines{". 2 IN SOA ns. root. 5 60 10 86400 2"});
}

TEST_CASE("a configuration that cannot be served is refused, with the reason", "[dns][builder]") {
  const auto error_of = [](ZoneOptions options) {
    const auto builder = ZoneBuilder::create(std::move(options));
    return builder ? std::string("accepted") : builder.error().message;
  };
  const auto pool = [](const std::string& pattern, const std::string& name = "") {
    return PoolOptions{pattern_of(pattern), name};
  };
  using Catch::Matchers::Contains;
  ZoneOptions same;
  same.pools = {pool("w{{.ID}}.x."), pool("w{{printf \"%d\" .ID}}.x.")};
  CHECK_THAT(error_of(same), Contains("both render w1.x."));
  ZoneOptions clash;
  clash.pools = {pool("w{{.ID}}.x.", "w3.x.")};
  CHECK_THAT(error_of(clash), Contains("w3.x."));
  ZoneOptions apex;
  apex.pools = {pool("w{{.ID}}.x.", "x.")};
  CHECK_THAT(error_of(apex), Contains("must lie below its zone x."));
  ZoneOptions reverse;
  reverse.reverse_zones = {"10.0.0.0/9"};
  CHECK_THAT(error_of(reverse), Contains("whole labels"));
  reverse.reverse_zones = {"example.org."};
  CHECK_THAT(error_of(reverse), Contains("10.in-addr.arpa."));
}

}  // namespace
}  // namespace idetcd::testing
