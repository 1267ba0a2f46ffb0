// DnsServer over real sockets, asked by hand and by dig, kdig and drill.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "idetcd-resolver/dns_server.h"
#include "support/dns_client.h"

namespace idetcd::testing {
namespace {

using namespace resolver;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

std::shared_ptr<const Zone> zone_of(SlotId members) {
  ZoneOptions options;
  options.pools = {{PatternTemplate::parse("worker{{.ID}}.tf.local.", 100).value(), {}, "workers.tf.local."}};
  auto builder = ZoneBuilder::create(std::move(options)).value();
  for (SlotId slot = 1; slot <= members; ++slot) {
    NamedRecord record = make_record(slot);
    record.record.ports["grpc"] = 2222;
    builder.set(0, slot, &record);
  }
  return builder.commit(42);
}

struct Served {
  Snapshot<Zone> zones{zone_of(100)};
  std::unique_ptr<DnsServer> server;

  explicit Served(DnsServerOptions options = {}, const std::string& address = "127.0.0.1:0") {
    options.listen.push_back(parse_listen_address(address).value());
    if (options.workers == 0) options.workers = 2;
    auto started = DnsServer::start(std::move(options), zones);
    if (!started) FAIL(started.error().message);
    server = std::move(*started);
  }
  std::uint16_t port() const { return server->port(); }
};

Packet framed(const Packet& message) {
  Packet out;
  out.reserve(2 + message.size());
  out.push_back(static_cast<std::byte>(message.size() >> 8));
  out.push_back(static_cast<std::byte>(message.size()));
  out.insert(out.end(), message.begin(), message.end());
  return out;
}

void send_all(const FileDescriptor& fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t size = send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    REQUIRE(size > 0);
    bytes = bytes.subspan(static_cast<std::size_t>(size));
  }
}

// Exactly `size` bytes, or fewer if the peer closed.
Packet read_bytes(const FileDescriptor& fd, std::size_t size) {
  Packet bytes;
  while (bytes.size() < size) {
    if (!readable_within(fd, 5s)) FAIL("nothing to read after 5 s");
    std::array<std::byte, 4096> chunk;
    const ssize_t got = recv(fd.get(), chunk.data(), std::min(chunk.size(), size - bytes.size()), 0);
    if (got <= 0) break;
    bytes.insert(bytes.end(), chunk.begin(), chunk.begin() + got);
  }
  return bytes;
}

Packet read_message(const FileDescriptor& fd) {
  const Packet length = read_bytes(fd, 2);
  REQUIRE(length.size() == 2);
  return read_bytes(fd, load16(length.data()));
}

bool closed_within(const FileDescriptor& fd, std::chrono::milliseconds time) {
  const auto deadline = Clock::now() + time;
  while (Clock::now() < deadline) {
    if (!readable_within(fd, 100ms)) continue;
    std::array<std::byte, 4096> chunk;
    if (recv(fd.get(), chunk.data(), chunk.size(), 0) <= 0) return true;
  }
  return false;
}

template <class Condition>
bool eventually(Condition condition) {
  const auto deadline = Clock::now() + 5s;
  while (!condition()) {
    if (Clock::now() > deadline) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

std::string output_of(const std::string& command) {
  FILE* const pipe = popen((command + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string text;
  std::array<char, 4096> chunk;
  for (std::size_t size; (size = fread(chunk.data(), 1, chunk.size(), pipe)) > 0;) text.append(chunk.data(), size);
  pclose(pipe);
  return text;
}

bool installed(const std::string& program) {
  return std::system(("command -v " + program + " >/dev/null").c_str()) == 0;
}

TEST_CASE("UDP and TCP give the same answer", "[dns]") {
  Served served;
  const Packet query = make_query({"worker7.tf.local."});
  const Packet udp = ask_udp(connected(SOCK_DGRAM, loopback(served.port())), query);
  CHECK(DecodedReply(udp).records(DnsSection::kAnswer) ==
        std::vector<std::string>{"worker7.tf.local. 5 IN A 10.0.0.7"});
  const FileDescriptor tcp = connected(SOCK_STREAM, loopback(served.port()));
  send_all(tcp, framed(query));
  CHECK(read_message(tcp) == udp);
  const DnsServerTotals totals = served.server->totals();
  CHECK(totals.udp.queries == 1);
  CHECK(totals.udp.answers[0] == 1);
  CHECK(totals.tcp.queries.queries == 1);
  CHECK(totals.tcp.open == 1);
}

TEST_CASE("answers follow the published zone", "[dns]") {
  Served served;
  const FileDescriptor udp = connected(SOCK_DGRAM, loopback(served.port()));
  const Packet query = make_query({"worker7.tf.local."});
  CHECK(DecodedReply(ask_udp(udp, query)).rcode() == 0);
  served.zones.publish(zone_of(6));
  CHECK(DecodedReply(ask_udp(udp, query)).rcode() == 3);
}

TEST_CASE("requests that deserve silence get it, and are counted", "[dns]") {
  Served served;
  const FileDescriptor udp = connected(SOCK_DGRAM, loopback(served.port()));
  Packet reply = make_query({"worker7.tf.local."});
  reply[2] |= std::byte{0x80};
  send(udp.get(), reply.data(), reply.size(), 0);
  send(udp.get(), reply.data(), 11, 0);
  send(udp.get(), reply.data(), 0, 0);
  Packet large = make_query({"worker7.tf.local."});
  large.resize(5000);
  CHECK(DecodedReply(ask_udp(udp, large)).rcode() == 1);
  CHECK_FALSE(readable_within(udp, 50ms));
  // The counters are written after the batch.
  CHECK(eventually([&] { return served.server->totals().udp.queries == 4; }));
  CHECK(served.server->totals().udp.dropped == 3);
  CHECK(served.server->totals().udp.malformed == 4);
}

TEST_CASE("a wildcard socket replies from the address that was asked", "[dns]") {
  const std::string address = GENERATE("0.0.0.0:0", ":0");
  Served served({}, address);
  for (const std::uint32_t to : {0x7f000001U, 0x7f000002U, 0x7f010203U}) {
    // A connected socket takes no datagram from another address.
    const FileDescriptor udp = connected(SOCK_DGRAM, loopback(served.port(), to));
    CHECK(DecodedReply(ask_udp(udp, make_query({"worker1.tf.local."}))).rcode() == 0);
  }
}

TEST_CASE("IPv6 is served, with cookies", "[dns]") {
  FileDescriptor probe(socket(AF_INET6, SOCK_DGRAM, 0));
  sockaddr_in6 to{};
  to.sin6_family = AF_INET6;
  to.sin6_addr = in6addr_loopback;
  if (!probe || bind(probe.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) return;  // no IPv6 here
  const std::string address = GENERATE("[::1]:0", "[::]:0", ":0");
  Served served({}, address);
  to.sin6_port = htons(served.port());
  FileDescriptor udp(socket(AF_INET6, SOCK_DGRAM, 0));
  REQUIRE(connect(udp.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
  const Packet cookie = make_option(10, std::as_bytes(std::span("clientco", 8)));
  const DecodedReply reply(
      ask_udp(udp, make_query({.name = "worker1.tf.local.", .edns = EdnsQuery{.options = cookie}})));
  CHECK(reply.rcode() == 0);
  CHECK(reply.edns_option(10)->size() == 24);
}

TEST_CASE("a port in use is an error that says what to do", "[dns]") {
  Served first;
  const std::string address = "127.0.0.1:" + std::to_string(first.port());
  DnsServerOptions options;
  options.listen.push_back(parse_listen_address(address).value());
  const auto second = DnsServer::start(std::move(options), first.zones);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == ErrorCode::kUnavailable);
  CHECK_THAT(second.error().message, Catch::Contains(address) && Catch::Contains("another process"));

  DnsServerOptions foreign;
  foreign.listen.push_back(parse_listen_address("192.0.2.1:0").value());
  const auto absent = DnsServer::start(std::move(foreign), first.zones);
  REQUIRE_FALSE(absent);
  CHECK_THAT(absent.error().message, Catch::Contains("no such address"));
}

TEST_CASE("stop is quick, and frees the port", "[dns]") {
  DnsServerOptions options;
  options.workers = 8;
  Served served(std::move(options));
  const FileDescriptor idle = connected(SOCK_STREAM, loopback(served.port()));
  const std::uint16_t port = served.port();
  const auto begin = Clock::now();
  served.server->stop();
  CHECK(Clock::now() - begin < 500ms);
  CHECK(closed_within(idle, 1s));
  Served again({}, "127.0.0.1:" + std::to_string(port));
  CHECK(again.port() == port);
}

TEST_CASE("TCP: pipelined queries, split anywhere", "[dns][tcp]") {
  Served served;
  Packet stream;
  for (std::uint16_t id = 1; id <= 20; ++id) {
    const Packet one = framed(make_query({.name = "worker" + std::to_string(id) + ".tf.local.", .id = id}));
    stream.insert(stream.end(), one.begin(), one.end());
  }
  for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, std::size_t{37}, stream.size()}) {
    CAPTURE(piece);
    const FileDescriptor tcp = connected(SOCK_STREAM, loopback(served.port()));
    for (std::size_t at = 0; at < stream.size(); at += piece)
      send_all(tcp, std::span(stream).subspan(at, std::min(piece, stream.size() - at)));
    for (unsigned id = 1; id <= 20; ++id) CHECK(DecodedReply(read_message(tcp)).id() == id);
  }
}

TEST_CASE("TCP: a peer that stops sending still gets its answers", "[dns][tcp]") {
  Served served;
  const FileDescriptor tcp = connected(SOCK_STREAM, loopback(served.port()));
  send_all(tcp, framed(make_query({"worker1.tf.local."})));
  shutdown(tcp.get(), SHUT_WR);
  CHECK(DecodedReply(read_message(tcp)).rcode() == 0);
  CHECK(closed_within(tcp, 2s));
}

TEST_CASE("TCP: half-sent messages stall nobody", "[dns][tcp]") {
  Served served;
  std::vector<FileDescriptor> stalled;
  for (int i = 0; i < 50; ++i) {
    stalled.push_back(connected(SOCK_STREAM, loopback(served.port())));
    const Packet half = framed(make_query({"worker1.tf.local."}));
    send_all(stalled.back(), std::span(half).first(1 + static_cast<std::size_t>(i) % (half.size() - 1)));
  }
  const auto begin = Clock::now();
  for (int i = 0; i < 20; ++i) {
    const FileDescriptor tcp = connected(SOCK_STREAM, loopback(served.port()));
    send_all(tcp, framed(make_query({"worker1.tf.local."})));
    CHECK(DecodedReply(read_message(tcp)).rcode() == 0);
  }
  CHECK(Clock::now() - begin < 1s);
}

TEST_CASE("TCP: a peer that never reads is bounded, and stalls nobody", "[dns][tcp]") {
  DnsServerOptions options;
  options.tcp_idle = 700ms;
  Served served(std::move(options));
  const FileDescriptor deaf = connected(SOCK_STREAM, loopback(served.port()));
  Packet flood;
  const Packet one = framed(make_query({.name = "_grpc._tcp.tf.local.", .type = kTypeSrv}));
  for (int i = 0; i < 4000; ++i) flood.insert(flood.end(), one.begin(), one.end());
  std::size_t sent = 0;
  for (int quiet = 0; sent < flood.size() && quiet < 3;) {
    const ssize_t size = send(deaf.get(), flood.data() + sent, flood.size() - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (size > 0) {
      sent += static_cast<std::size_t>(size);
      quiet = 0;
    } else {
      std::this_thread::sleep_for(20ms);
      ++quiet;
    }
  }
  // 4000 replies of 8 KB would be 32 MB; it stopped answering long before.
  CHECK(served.server->totals().tcp.queries.queries < 4000);
  const FileDescriptor other = connected(SOCK_STREAM, loopback(served.port()));
  send_all(other, framed(make_query({"worker1.tf.local."})));
  CHECK(DecodedReply(read_message(other)).rcode() == 0);
  CHECK(eventually([&] { return served.server->totals().tcp.timed_out >= 1; }));
}

TEST_CASE("TCP: idle connections end, dribbled bytes are no activity", "[dns][tcp]") {
  DnsServerOptions options;
  options.tcp_idle = 300ms;
  Served served(std::move(options));
  const FileDescriptor silent = connected(SOCK_STREAM, loopback(served.port()));
  const FileDescriptor slow = connected(SOCK_STREAM, loopback(served.port()));
  const Packet message = framed(make_query({"worker1.tf.local."}));
  const auto begin = Clock::now();
  bool ended = false;
  for (std::size_t i = 0; i < message.size() - 1 && !ended; ++i) {
    ended = send(slow.get(), message.data() + i, 1, MSG_NOSIGNAL) <= 0;
    std::this_thread::sleep_for(50ms);
  }
  CHECK(ended);
  CHECK(Clock::now() - begin < 1500ms);
  CHECK(closed_within(silent, 1s));
  CHECK(eventually([&] { return served.server->totals().tcp.timed_out == 2; }));
  CHECK(served.server->totals().tcp.open == 0);
}

TEST_CASE("TCP: at the limit the idle oldest makes room", "[dns][tcp]") {
  DnsServerOptions options;
  options.tcp_connections = 4;
  Served served(std::move(options));
  std::vector<FileDescriptor> peers;
  const auto use = [&](std::size_t i) {
    send_all(peers[i], framed(make_query({"worker1.tf.local."})));
    CHECK(DecodedReply(read_message(peers[i])).rcode() == 0);
  };
  for (std::size_t i = 0; i < 4; ++i) {
    peers.push_back(connected(SOCK_STREAM, loopback(served.port())));
    use(i);
  }
  use(0);  // now the second one is the idle oldest
  peers.push_back(connected(SOCK_STREAM, loopback(served.port())));
  use(4);
  CHECK(closed_within(peers[1], 1s));
  for (const std::size_t i : {0U, 2U, 3U, 4U}) use(i);
  CHECK(served.server->totals().tcp.shed == 1);
  CHECK(served.server->totals().tcp.open == 4);
}

TEST_CASE("TCP: an announced monster ends the connection", "[dns][tcp]") {
  Served served;
  const FileDescriptor tcp = connected(SOCK_STREAM, loopback(served.port()));
  send_all(tcp, framed(make_query({"worker1.tf.local."})));
  send_all(tcp, Packet(2, std::byte{0xff}));
  CHECK(DecodedReply(read_message(tcp)).rcode() == 0);
  CHECK(closed_within(tcp, 2s));
}

TEST_CASE("dig, kdig and drill read our answers", "[dns][clients]") {
  Served served;
  const std::string port = std::to_string(served.port());
  if (installed("dig")) {
    const std::string dig = "dig @127.0.0.1 -p " + port + " +time=2 +tries=1 ";
    CHECK(output_of(dig + "+short worker3.tf.local") == "10.0.0.3\n");
    CHECK(output_of(dig + "+short AAAA worker3.tf.local") == "fd00::3\n");
    CHECK(output_of(dig + "+short +tcp worker3.tf.local") == "10.0.0.3\n");
    CHECK_THAT(output_of(dig + "nobody.tf.local"),
               Catch::Contains("status: NXDOMAIN") && Catch::Contains("root.tf.local. 42"));
    CHECK_THAT(output_of(dig + "worker3.tf.local"), Catch::Contains("COOKIE: ") && Catch::Contains("(good)"));
    CHECK_THAT(output_of(dig + "workers.tf.local"), Catch::Contains("ANSWER: 100"));  // by TCP, after TC
    CHECK_THAT(output_of(dig + "+norec ANY worker3.tf.local"), Catch::Contains("ANSWER: 1,"));
    CHECK_THAT(output_of(dig + "SRV _grpc._tcp.worker3.tf.local"),
               Catch::Contains("2222 worker3.tf.local.") && Catch::Contains("fd00::3"));
    CHECK_THAT(output_of(dig + "example.org"), Catch::Contains("status: REFUSED"));
  }
  if (installed("kdig")) {
    const std::string kdig = "kdig @127.0.0.1 -p " + port + " +time=2 +retry=0 ";
    CHECK(output_of(kdig + "+short worker4.tf.local") == "10.0.0.4\n");
    CHECK_THAT(output_of(kdig + "+tcp +keepopen worker4.tf.local worker5.tf.local"),
               Catch::Contains("10.0.0.4") && Catch::Contains("10.0.0.5"));
    CHECK_THAT(output_of(kdig + "+edns=1 worker4.tf.local"), Catch::Contains("BADVERS"));
  }
  if (installed("drill")) {
    const std::string drill = "drill -p " + port + " ";
    CHECK_THAT(output_of(drill + "worker5.tf.local @127.0.0.1 AAAA"), Catch::Contains("fd00::5"));
    CHECK_THAT(output_of(drill + "tf.local @127.0.0.1 SOA"),
               Catch::Contains("ns.tf.local. root.tf.local. 42 60 10 86400 2"));
  }
}

}  // namespace
}  // namespace idetcd::testing
