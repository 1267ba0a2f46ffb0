// Server blocks: which of them answers, and what their directives change.
#include <catch2/catch.hpp>

#include "idetcd-resolver/answer/answerer.h"
#include "idetcd-resolver/wire/wire_name.h"
#include "support/dns_probe.h"

namespace idetcd::testing {
namespace {

using namespace resolver;
using enum DnsSection;

std::shared_ptr<const ZoneSet> zones_of(const std::string& pattern, SlotId slots) {
  ZoneBuilder builder = make_builder({pattern}, 100);
  for (SlotId slot = 1; slot <= slots; ++slot) {
    const NamedRecord record = make_record(slot);
    builder.set(0, slot, &record);
  }
  return builder.commit(1);
}

RequestContext from(std::array<std::uint8_t, 4> v4, Transport transport = Transport::kUdp) {
  return {to_mapped(Ipv4{v4}), transport, 0, 0, 5353};
}

DecodedReply ask_one(const AnswerPolicy& policy, const Query& query, const RequestContext& peer) {
  return DecodedReply(ask(*zones_of("worker{{.ID}}.tf.local.", 3), make_query(query), policy, peer));
}

AnswerPolicy with_acl(std::vector<app::AclRule> rules) {
  AnswerPolicy policy = probe_policy();
  policy.acl = Acl(rules);
  return policy;
}

// The reply of a view that is asked once.
Packet ask(const Answerer& answerer, const Query& query) {
  Answerer::View view(answerer, 4);
  Packet request = make_query(query);
  Packet out(kMaxUdpReply);
  Exchange exchange{{}, request, out, {}};
  view.answer({&exchange, 1});
  out.resize(exchange.reply.size);
  return out;
}

}  // namespace

TEST_CASE("the block with the longest zone answers, with its own names", "[dns][answerer]") {
  const Snapshot<ZoneSet> workers(zones_of("worker{{.ID}}.tf.local.", 3));
  const Snapshot<ZoneSet> servers(zones_of("ps{{.ID}}.ps.tf.local.", 2));
  AnswerPolicy whoami = probe_policy();
  whoami.whoami = true;
  const Answerer answerer({{{*to_wire("tf.local.")}, &workers, probe_policy()},
                           {{*to_wire("ps.tf.local."), *to_wire("lead.")}, &servers, whoami}});
  const auto rcode = [&](const std::string& name) { return DecodedReply(ask(answerer, {name})).rcode(); };
  const auto count = [&](const std::string& name) {
    return DecodedReply(ask(answerer, {name})).records(kAnswer).size();
  };
  CHECK(count("worker1.tf.local.") == 1);
  CHECK(count("Worker3.TF.local.") == 1);
  CHECK(count("ps2.ps.tf.local.") == 1);
  CHECK(rcode("ps3.ps.tf.local.") == 3);
  CHECK(rcode("worker1.ps.tf.local.") == 3);
  CHECK(rcode("xtf.local.") == 5);
  CHECK(rcode("local.") == 5);
  CHECK(rcode(".") == 5);
  CHECK(rcode("lead.") == 0);  // whoami
  CHECK(DecodedReply(ask(answerer, {"a.b."})).edns() == false);
}

TEST_CASE("a batch for several blocks is answered as its requests one by one", "[dns][answerer]") {
  const Snapshot<ZoneSet> workers(zones_of("worker{{.ID}}.tf.local.", 3));
  const Snapshot<ZoneSet> servers(zones_of("ps{{.ID}}.ps.tf.local.", 2));
  const Answerer answerer(
      {{{*to_wire(".")}, &workers, probe_policy()}, {{*to_wire("ps.tf.local.")}, &servers, probe_policy()}});
  const std::vector<std::string> names{"ps1.ps.tf.local.", "worker1.tf.local.", "ps9.ps.tf.local.", "a.org."};
  std::vector<Packet> requests;
  std::vector<Packet> replies(names.size(), Packet(kMaxUdpReply));
  for (const std::string& name : names) requests.push_back(make_query({name}));
  requests.push_back(Packet(5));  // no message: no reply
  replies.emplace_back(kMaxUdpReply);
  std::vector<Exchange> batch;
  for (std::size_t i = 0; i < requests.size(); ++i) batch.push_back({{}, requests[i], replies[i], {}});
  Answerer::View(answerer, 8).answer(batch);
  for (std::size_t i = 0; i < names.size(); ++i) {
    CAPTURE(names[i]);
    replies[i].resize(batch[i].reply.size);
    CHECK(replies[i] == ask(answerer, {names[i]}));
  }
  CHECK(batch.back().reply.size == 0);
}

TEST_CASE("acl: the first policy that fits decides", "[dns]") {
  using enum app::AclAction;
  const Network inner = parse_network("10.0.0.0/8").value();
  const AnswerPolicy policy =
      with_acl({{{"worker2.tf.local."}, {{kDrop, {}, {}}}},
                {{"."}, {{kFilter, {kTypeAaaa}, {}}, {kAllow, {}, {inner}}, {kBlock, {}, {}}}}});
  const Query a{.name = "worker1.tf.local.", .edns = EdnsQuery{}};
  const DecodedReply allowed = ask_one(policy, a, from({10, 1, 1, 1}));
  CHECK(allowed.records(kAnswer).size() == 1);
  const DecodedReply blocked = ask_one(policy, a, from({192, 0, 2, 1}));
  CHECK(blocked.rcode() == 5);
  CHECK(blocked.edns_option(15) == Packet{std::byte{0}, std::byte{15}});
  const DecodedReply filtered =
      ask_one(policy, {.name = "worker1.tf.local.", .type = kTypeAaaa, .edns = EdnsQuery{}}, from({10, 1, 1, 1}));
  CHECK(filtered.rcode() == 0);
  CHECK(filtered.records(kAnswer).empty());
  CHECK(filtered.records(kAuthority).empty());
  CHECK(filtered.edns_option(15) == Packet{std::byte{0}, std::byte{17}});
  CHECK(ask(*zones_of("worker{{.ID}}.tf.local.", 3), make_query({"x.worker2.tf.local."}), policy, from({10, 1, 1, 1}))
            .empty());
}

TEST_CASE("whoami tells the client's address, port and transport", "[dns]") {
  AnswerPolicy policy = probe_policy();
  policy.whoami = true;
  const DecodedReply v4 = ask_one(policy, {"Example.org."}, from({192, 0, 2, 7}));
  CHECK(v4.authoritative());
  CHECK(v4.records(kAnswer).empty());
  CHECK(v4.records(kAdditional) ==
        std::vector<std::string>{"Example.org. 0 IN A 192.0.2.7", "_udp.Example.org. 0 IN SRV 0 0 5353 ."});
  RequestContext peer = from({}, Transport::kTcp);
  peer.address = *parse_ipv6("2001:db8::7");
  const DecodedReply v6 = ask_one(policy, {"."}, peer);
  CHECK(v6.records(kAdditional) == std::vector<std::string>{". 0 IN AAAA 2001:db8::7", "_tcp. 0 IN SRV 0 0 5353 ."});
  CHECK(ask_one(policy, {"worker1.tf.local."}, from({10, 0, 0, 1})).records(kAnswer).size() == 1);
  CHECK(ask_one(policy, {"worker9.tf.local."}, from({10, 0, 0, 1})).rcode() == 3);
  std::string longest = "a";  // 255 bytes on the wire: there is no room for one more label
  for (int i = 0; i < 126; ++i) longest += ".a";
  CHECK(ask_one(policy, {longest + "."}, from({10, 0, 0, 1})).records(kAdditional).size() == 1);
}

TEST_CASE("chaos names the authors, each in a record of its own", "[dns]") {
  AnswerPolicy policy = probe_policy();
  policy.authors = {"ann", "bob"};
  const Query query{.name = "authors.bind.", .type = kTypeTxt, .qclass = kClassCh};
  CHECK(ask_one(policy, query, from({10, 0, 0, 1})).records(kAnswer) ==
        std::vector<std::string>{R"(authors.bind. 0 CH TXT "ann")", R"(authors.bind. 0 CH TXT "bob")"});
}

TEST_CASE("bufsize bounds an answer over UDP, and not one over TCP", "[dns]") {
  AnswerPolicy policy = probe_policy();
  policy.max_udp = 512;
  policy.authors = std::vector<std::string>(6, std::string(100, 'a'));
  const Query query{.name = "authors.bind.", .type = kTypeTxt, .qclass = kClassCh, .edns = EdnsQuery{}};
  CHECK(ask_one(policy, query, from({10, 0, 0, 1})).truncated());
  CHECK_FALSE(ask_one(policy, query, from({10, 0, 0, 1}, Transport::kTcp)).truncated());
  policy.max_udp = kMaxUdpReply;
  CHECK_FALSE(ask_one(policy, query, from({10, 0, 0, 1})).truncated());
}

}  // namespace idetcd::testing
