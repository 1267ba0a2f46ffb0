// Forwarding over real sockets: one of our servers in front of upstreams that behave as asked.
#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <mutex>

#include "common/system/free_ports.h"
#include "dns_served.h"
#include "idetcd-resolver/forward/make_forwarder.h"
#include "support/scripted_upstream.h"

namespace idetcd::testing {
namespace {

app::ForwardRule to(std::initializer_list<std::uint16_t> ports) {
  app::ForwardRule rule{.place = "Corefile:1: forward", .zone = "."};
  for (const std::uint16_t port : ports) rule.upstreams.push_back({Ipv4{127, 0, 0, 1}, port});
  return rule;
}

// Worker names as everywhere, everything else by way of the upstreams.
class Front {
 public:
  explicit Front(const ForwardOptions& options)
      : forwarder_(make_forwarder(options,
                                  [this](LogLevel, std::string_view line) {
                                    const std::lock_guard lock(mutex_);
                                    log_ += std::string(line) + "\n";
                                  })
                       .value()),
        answerer_(zones_, {.forwarder = forwarder_}),
        server_(
            DnsServer::start({.listen = {app::parse_listen_address("127.0.0.1:0").value()}, .workers = 1}, answerer_)
                .value()),
        udp_(connected(SOCK_DGRAM, loopback(server_->port()))) {}
  ~Front() { forwarder_->stop(); }

  std::uint16_t port() const { return server_->port(); }
  Forwarder& forwarder() { return *forwarder_; }
  DnsServer& server() { return *server_; }
  bool logged(const std::string& part) const {
    const std::lock_guard lock(mutex_);
    return log_.find(part) != std::string::npos;
  }

  DecodedReply ask(const Query& query) { return DecodedReply(ask_udp(udp_, make_query(query))); }
  void send(const Query& query) {
    const Packet bytes = make_query(query);
    REQUIRE(::send(udp_.get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  }

 private:
  mutable std::mutex mutex_;
  std::string log_;
  Snapshot<ZoneSet> zones_{zone_of(100)};
  std::shared_ptr<Forwarder> forwarder_;
  Answerer answerer_;
  std::unique_ptr<DnsServer> server_;
  app::FileDescriptor udp_;
};

bool has_address(const DecodedReply& reply, const std::string& address) {
  const auto records = reply.records(DnsSection::kAnswer);
  return std::ranges::any_of(records, [&](const std::string& each) { return each.find(address) != std::string::npos; });
}

}  // namespace

TEST_CASE("names of others are asked of the upstream, our own are not", "[forward]") {
  ScriptedUpstream upstream;
  Front front({.rules = {to({upstream.port()})}});
  const auto ours = front.ask({.name = "worker3.tf.local."});
  CHECK(ours.authoritative());
  CHECK(front.ask({.name = "worker3000.tf.local."}).rcode() == 3);
  CHECK(upstream.asked("worker3000.tf.local.") == 0);
  const auto reply = front.ask({.name = "Host.EXAMPLE.", .id = 77});
  CHECK(reply.id() == 77);
  CHECK(reply.rcode() == 0);
  CHECK_FALSE(reply.authoritative());
  CHECK(reply.recursion_desired());
  CHECK(has_address(reply, "192.0.2.1"));
  CHECK(reply.records(DnsSection::kQuestion).front().starts_with("Host.EXAMPLE."));
  CHECK(front.ask({.name = "missing.example."}).rcode() == 3);
  CHECK(front.ask({.name = "failing.example."}).rcode() == 2);
  CHECK(front.server().totals().udp.forwarded == 3);
}

TEST_CASE("without a cache every question goes out; with one, the first of each", "[forward]") {
  ScriptedUpstream upstream;
  const auto ask_thrice = [&](std::optional<app::CacheRule> cache) {
    Front front({.rules = {to({upstream.port()})}, .cache = std::move(cache)});
    const int before = upstream.asked("kept.example.");
    for (int i = 0; i < 3; ++i) CHECK(has_address(front.ask({.name = "kept.example."}), "192.0.2.1"));
    return upstream.asked("kept.example.") - before;
  };
  CHECK(ask_thrice({}) == 3);
  CHECK(ask_thrice(app::CacheRule{.zones = {"."}}) == 1);
  CHECK(ask_thrice(app::CacheRule{.zones = {"other.example."}}) == 3);
}

TEST_CASE("an answer that is too old is given when no upstream answers any more", "[forward]") {
  ScriptedUpstream upstream;
  const bool at_once = GENERATE(true, false);
  Front front({.rules = {to({upstream.port()})},
               .cache = app::CacheRule{.zones = {"."}, .serve_stale = 3600s, .stale_at_once = at_once}});
  CHECK(has_address(front.ask({.name = "brief.example."}), "192.0.2.1"));
  upstream.die();
  std::this_thread::sleep_for(1200ms);  // its TTL is 1 s, counted by libunbound
  CHECK(has_address(front.ask({.name = "brief.example."}), "192.0.2.1"));
  CHECK(front.ask({.name = "silent.example."}).rcode() == 2);
}

TEST_CASE("the next upstream is asked when one is dead, and SERVFAIL said when all are", "[forward]") {
  ScriptedUpstream dead, live;
  dead.die();
  Front front({.rules = {to({dead.port(), live.port()})}});
  for (int i = 0; i < 4; ++i)
    CHECK(has_address(front.ask({.name = "host" + std::to_string(i) + ".example."}), "192.0.2.1"));
  live.die();
  CHECK(front.ask({.name = "silent.example."}).rcode() == 2);
  CHECK(front.forwarder().totals().failed == 1);
  CHECK(front.forwarder().totals().in_flight == 0);
}

TEST_CASE("an answer that is cut over UDP is fetched over TCP, and cut for a client of UDP", "[forward]") {
  ScriptedUpstream upstream;
  Front front({.rules = {to({upstream.port()})}});
  const auto cut = front.ask({.name = "big.example."});
  CHECK(cut.truncated());
  CHECK(cut.records(DnsSection::kAnswer).empty());
  CHECK(upstream.asked_over_tcp() == 1);
  const auto whole = front.ask({.name = "big.example.", .edns = EdnsQuery{}});
  CHECK_FALSE(whole.truncated());
  CHECK(whole.records(DnsSection::kAnswer).size() == 40);
  const auto tcp = connected(SOCK_STREAM, loopback(front.port()));
  send_all(tcp, framed(make_query({.name = "big.example."})));
  CHECK(DecodedReply(read_message(tcp)).records(DnsSection::kAnswer).size() == 40);
}

TEST_CASE("forged replies are passed over", "[forward]") {
  ScriptedUpstream upstream;
  Front front({.rules = {to({upstream.port()})}});
  const auto reply = front.ask({.name = "forged.example."});
  CHECK(has_address(reply, "192.0.2.1"));
  CHECK_FALSE(has_address(reply, "203.0.113.66"));
  CHECK(front.ask({.name = "wrong.example."}).rcode() == 2);
}

TEST_CASE("signatures go to who asks for them", "[forward]") {
  ScriptedUpstream upstream;
  Front front({.rules = {to({upstream.port()})}});
  const auto plain = front.ask({.name = "signed.example.", .edns = EdnsQuery{}});
  CHECK(plain.records(DnsSection::kAnswer).size() == 1);
  CHECK(plain.edns());
  CHECK(front.ask({.name = "signed.example."}).records(DnsSection::kAnswer).size() == 1);
  const auto checking = front.ask({.name = "signed.example.", .edns = EdnsQuery{.dnssec_ok = true}});
  CHECK(checking.records(DnsSection::kAnswer).size() == 2);
}

TEST_CASE("more questions than may be under way are refused", "[forward]") {
  ScriptedUpstream upstream;
  auto rule = to({upstream.port()});
  rule.max_concurrent = 2;
  Front front({.rules = {rule}});
  front.send({.name = "held.a.example."});
  front.send({.name = "held.b.example."});
  REQUIRE(eventually([&] { return front.forwarder().totals().in_flight == 2; }));
  CHECK(front.ask({.name = "held.c.example."}).rcode() == 5);
  CHECK(front.forwarder().totals().refused == 1);
  upstream.release();
  CHECK(eventually([&] { return front.forwarder().totals().in_flight == 0; }));
}

TEST_CASE("zones that are excepted are refused, and each zone has upstreams of its own", "[forward]") {
  ScriptedUpstream general, special;
  auto root = to({general.port()});
  root.except = {"corp.example."};
  auto lab = to({special.port()});
  lab.zone = "lab.corp.example.";
  Front front({.rules = {root, lab}});
  CHECK(front.ask({.name = "host.corp.example."}).rcode() == 5);
  CHECK(front.ask({.name = "host.lab.corp.example."}).rcode() == 0);
  CHECK(special.asked("host.lab.corp.example.") == 1);
  CHECK(general.asked("host.lab.corp.example.") == 0);
}

TEST_CASE("a server that is its own upstream notices, and refuses instead of asking itself for ever", "[forward]") {
  const auto port = app::free_loopback_ports(1).front();
  ForwardOptions options{.rules = {to({port})}};
  const Snapshot<ZoneSet> zones{zone_of(1)};
  std::atomic<bool> told{false};
  const auto forwarder = make_forwarder(options, [&](LogLevel level, std::string_view line) {
                           if (level == LogLevel::kError && line.find("back to this server") != line.npos) told = true;
                         }).value();
  const Answerer answerer(zones, {.forwarder = forwarder});
  const auto server = DnsServer::start({.listen = {{Ipv4{127, 0, 0, 1}, port}}, .workers = 1}, answerer).value();
  CHECK(eventually([&] { return told.load(); }));
  const auto udp = connected(SOCK_DGRAM, loopback(port));
  CHECK(eventually([&] { return DecodedReply(ask_udp(udp, make_query({"host.example."}))).rcode() == 5; }));
  forwarder->stop();
}

TEST_CASE("TCP clients may ask many at once, go away, and leave nothing behind", "[forward]") {
  ScriptedUpstream upstream;
  Front front({.rules = {to({upstream.port()})}});
  {
    const auto gone = connected(SOCK_STREAM, loopback(front.port()));
    send_all(gone, framed(make_query({.name = "held.gone.example."})));
    REQUIRE(eventually([&] { return front.forwarder().totals().in_flight == 1; }));
  }
  const auto tcp = connected(SOCK_STREAM, loopback(front.port()));
  std::vector<unsigned> ids;
  for (std::uint16_t id = 1; id <= 100; ++id) {
    const std::string name = "host" + std::to_string(id) + ".example.";
    send_all(tcp, framed(make_query({.name = name, .id = id})));
  }
  for (int i = 0; i < 100; ++i) ids.push_back(DecodedReply(read_message(tcp)).id());
  std::ranges::sort(ids);
  CHECK(std::ranges::adjacent_find(ids) == ids.end());
  upstream.release();
  CHECK(eventually([&] { return front.forwarder().totals().in_flight == 0; }));
}

TEST_CASE("names of every byte are forwarded as they are", "[forward]") {
  ScriptedUpstream upstream;
  Front front({.rules = {to({upstream.port()})}});
  Packet query = make_query({.name = "xyz.example."});
  query[13] = std::byte{'.'};  // a dot within a label
  query[14] = std::byte{0};
  query[15] = std::byte{0xff};
  const auto udp = connected(SOCK_DGRAM, loopback(front.port()));
  const Packet reply = ask_udp(udp, query);
  CHECK(DecodedReply(reply).rcode() == 0);
  CHECK(std::equal(reply.begin() + 12, reply.begin() + 20, query.begin() + 12));
  CHECK(upstream.asked("\\.\\000\\255.example.") == 1);
}

}  // namespace idetcd::testing
