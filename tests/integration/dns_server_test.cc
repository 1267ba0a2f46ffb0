// DnsServer over real sockets: UDP, and how it starts and stops.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "common/system/child_process.h"
#include "dns_served.h"

namespace idetcd::testing {
namespace {

TEST_CASE("UDP and TCP give the same answer", "[dns]") {
  Served served;
  const Packet query = make_query({"worker7.tf.local."});
  const Packet udp = ask_udp(connected(SOCK_DGRAM, loopback(served.port())), query);
  CHECK(DecodedReply(udp).records(DnsSection::kAnswer) ==
        std::vector<std::string>{"worker7.tf.local. 5 IN A 10.0.0.7"});
  const app::FileDescriptor tcp = connected(SOCK_STREAM, loopback(served.port()));
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
  const app::FileDescriptor udp = connected(SOCK_DGRAM, loopback(served.port()));
  const Packet query = make_query({"worker7.tf.local."});
  CHECK(DecodedReply(ask_udp(udp, query)).rcode() == 0);
  served.zones.publish(zone_of(6));
  CHECK(DecodedReply(ask_udp(udp, query)).rcode() == 3);
}

TEST_CASE("requests that deserve silence get it, and are counted", "[dns]") {
  Served served;
  const app::FileDescriptor udp = connected(SOCK_DGRAM, loopback(served.port()));
  Packet reply = make_query({"worker7.tf.local."});
  reply[2] |= std::byte{0x80};
  send(udp.get(), reply.data(), reply.size(), 0);
  send(udp.get(), reply.data(), 11, 0);
  send(udp.get(), reply.data(), 0, 0);
  Packet large = make_query({"worker7.tf.local."});
  large.resize(5000);
  CHECK(DecodedReply(ask_udp(udp, large)).rcode() == 1);
  CHECK_FALSE(readable_within(udp, 50ms));  // nothing more comes; the counters say it too
  // The counters are written after the batch.
  CHECK(eventually([&] { return served.server->totals().udp.queries == 4; }));
  CHECK(served.server->totals().udp.dropped == 3);
  CHECK(served.server->totals().udp.malformed == 4);
}

TEST_CASE("every client gets its own answer, whichever worker it meets", "[dns]") {
  DnsServerOptions options;
  options.workers = 4;
  Served served(std::move(options));
  std::vector<app::FileDescriptor> clients;
  for (int i = 0; i < 64; ++i) clients.push_back(connected(SOCK_DGRAM, loopback(served.port())));
  const auto query_of = [](std::size_t i) {
    return make_query({.name = "worker" + std::to_string(i + 1) + ".tf.local.", .id = static_cast<std::uint16_t>(i)});
  };
  for (std::size_t i = 0; i < clients.size(); ++i) {
    const Packet query = query_of(i);
    send(clients[i].get(), query.data(), query.size(), 0);
  }
  for (std::size_t i = 0; i < clients.size(); ++i) {
    CAPTURE(i);
    REQUIRE(readable_within(clients[i], kPatience));
    Packet reply(512);
    reply.resize(static_cast<std::size_t>(recv(clients[i].get(), reply.data(), reply.size(), 0)));
    const DecodedReply decoded(reply);
    CHECK(decoded.id() == i);
    CHECK_THAT(decoded.records(DnsSection::kAnswer).front(), Catch::EndsWith(" 10.0.0." + std::to_string(i + 1)));
  }
  CHECK(eventually([&] { return served.server->totals().udp.queries == clients.size(); }));
}

TEST_CASE("several addresses are served at once, by UDP and TCP", "[dns]") {
  DnsServerOptions options;
  options.listen.push_back(app::parse_listen_address("127.0.0.2:0").value());
  options.listen.push_back(app::parse_listen_address("127.0.0.3:0").value());
  Served served(std::move(options));
  REQUIRE(served.server->addresses().size() == 3);
  for (const std::string& address : served.server->addresses()) {
    CAPTURE(address);
    const std::size_t colon = address.rfind(':');
    in_addr host{};
    REQUIRE(inet_pton(AF_INET, address.substr(0, colon).c_str(), &host) == 1);
    const sockaddr_in to =
        loopback(static_cast<std::uint16_t>(std::stoul(address.substr(colon + 1))), ntohl(host.s_addr));
    CHECK(DecodedReply(ask_udp(connected(SOCK_DGRAM, to), make_query({"worker1.tf.local."}))).rcode() == 0);
    const app::FileDescriptor tcp = connected(SOCK_STREAM, to);
    send_all(tcp, framed(make_query({"worker1.tf.local."})));
    CHECK(DecodedReply(read_message(tcp)).rcode() == 0);
  }
}

TEST_CASE("a question from port 0 cannot be answered, and hurts nobody", "[dns]") {
  Served served;
  const app::FileDescriptor raw(socket(AF_INET, SOCK_RAW, IPPROTO_UDP));
  if (!raw) return;  // needs CAP_NET_RAW
  const Packet query = make_query({"worker1.tf.local."});
  Packet datagram(8);  // RFC 768; checksum 0: none
  store16(datagram.data() + 2, served.port());
  store16(datagram.data() + 4, static_cast<std::uint16_t>(8 + query.size()));
  datagram.insert(datagram.end(), query.begin(), query.end());
  const sockaddr_in to = loopback(0);
  for (int i = 0; i < 3; ++i)
    sendto(raw.get(), datagram.data(), datagram.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  const app::FileDescriptor udp = connected(SOCK_DGRAM, loopback(served.port()));
  CHECK(DecodedReply(ask_udp(udp, query)).rcode() == 0);
  CHECK(eventually([&] { return served.server->totals().udp.queries == 4; }));
  CHECK(eventually([&] { return served.server->totals().udp.dropped == 3; }));
}

TEST_CASE("a wildcard socket replies from the address that was asked", "[dns]") {
  const std::string address = GENERATE("0.0.0.0:0", ":0");
  Served served({}, address);
  for (const std::uint32_t to : {0x7f000001U, 0x7f000002U, 0x7f010203U}) {
    // A connected socket takes no datagram from another address.
    const app::FileDescriptor udp = connected(SOCK_DGRAM, loopback(served.port(), to));
    CHECK(DecodedReply(ask_udp(udp, make_query({"worker1.tf.local."}))).rcode() == 0);
  }
}

TEST_CASE("IPv6 is served, with cookies", "[dns]") {
  app::FileDescriptor probe(socket(AF_INET6, SOCK_DGRAM, 0));
  sockaddr_in6 to{};
  to.sin6_family = AF_INET6;
  to.sin6_addr = in6addr_loopback;
  if (!probe || bind(probe.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) return;  // no IPv6 here
  const std::string address = GENERATE("[::1]:0", "[::]:0", ":0");
  Served served({}, address);
  to.sin6_port = htons(served.port());
  app::FileDescriptor udp(socket(AF_INET6, SOCK_DGRAM, 0));
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
  options.listen.push_back(app::parse_listen_address(address).value());
  const auto second = DnsServer::start(options, first.answerer);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == ErrorCode::kUnavailable);
  CHECK_THAT(second.error().message, Catch::Contains(address) && Catch::Contains("uses it"));

  DnsServerOptions foreign;
  foreign.listen.push_back(app::parse_listen_address("192.0.2.1:0").value());
  const auto absent = DnsServer::start(foreign, first.answerer);
  REQUIRE_FALSE(absent);
  CHECK_THAT(absent.error().message, Catch::Contains("no such address"));
}

// Run by the next test only, in a process of its own: limits cannot be raised again.
TEST_CASE("a server with too few file descriptors, in its process", "[.few-files]") {
  const Snapshot<ZoneSet> zones(zone_of(1));
  const Answerer answerer(zones, {});
  DnsServerOptions options;
  options.listen.push_back(app::parse_listen_address("127.0.0.1:0").value());
  options.workers = 1;
  const app::FileDescriptor first_free(dup(STDIN_FILENO));
  REQUIRE(first_free);
  // It needs four: a UDP and a TCP socket, an epoll and an event descriptor.
  for (rlim_t given = 4; given-- > 0;) {
    CAPTURE(given);
    const rlim_t files = static_cast<rlim_t>(first_free.get()) + 1 + given;
    const rlimit limit{files, files};
    REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    const auto server = DnsServer::start(options, answerer);
    REQUIRE_FALSE(server);
    CHECK(server.error().code == ErrorCode::kUnavailable);
    CHECK_THAT(server.error().message, Catch::Contains("Too many open files"));
  }
}

// The sanitizer for undefined behaviour looks at an object through a pipe, and takes it for broken where there is no
// descriptor left for one.
#ifndef __SANITIZE_ADDRESS__
TEST_CASE("a server that gets too few file descriptors does not start", "[dns]") {
  auto inside =
      app::ChildProcess::start({{"/proc/self/exe", "[.few-files]"}, app::current_environment(), -1, -1, false, true});
  REQUIRE(inside);
  CHECK(inside->wait_for(30s) == 0);
}
#endif

TEST_CASE("stop ends idle threads and connections, and frees the port", "[dns]") {
  DnsServerOptions options;
  options.workers = 8;
  Served served(std::move(options));
  const app::FileDescriptor idle = connected(SOCK_STREAM, loopback(served.port()));
  const std::uint16_t port = served.port();
  served.server->stop();
  CHECK(is_closed(idle));
  Served again({}, "127.0.0.1:" + std::to_string(port));
  CHECK(again.port() == port);
}

}  // namespace
}  // namespace idetcd::testing
