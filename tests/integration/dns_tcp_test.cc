// DnsServer's TCP side (RFC 7766), with peers that behave and peers that do not.
#include <poll.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>

#include "dns_served.h"

namespace idetcd::testing {
namespace {

bool writable_within(const app::FileDescriptor& fd, std::chrono::milliseconds time) {
  pollfd wait{fd.get(), POLLOUT, 0};
  return poll(&wait, 1, static_cast<int>(time.count())) == 1;
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
    const app::FileDescriptor tcp = connected(SOCK_STREAM, loopback(served.port()));
    for (std::size_t at = 0; at < stream.size(); at += piece)
      send_all(tcp, std::span(stream).subspan(at, std::min(piece, stream.size() - at)));
    for (unsigned id = 1; id <= 20; ++id) CHECK(DecodedReply(read_message(tcp)).id() == id);
  }
}

TEST_CASE("TCP: messages too short to answer are passed over", "[dns][tcp]") {
  Served served;
  const app::FileDescriptor tcp = connected(SOCK_STREAM, loopback(served.port()));
  send_all(tcp, framed({}));
  send_all(tcp, framed(Packet(11)));
  Packet reply = make_query({"worker1.tf.local."});
  reply[2] |= std::byte{0x80};
  send_all(tcp, framed(reply));
  send_all(tcp, framed(make_query({.name = "worker2.tf.local.", .id = 9})));
  CHECK(DecodedReply(read_message(tcp)).id() == 9);
}

TEST_CASE("TCP: transfers and other opcodes are refused, the connection goes on", "[dns][tcp]") {
  Served served;
  const app::FileDescriptor tcp = connected(SOCK_STREAM, loopback(served.port()));
  send_all(tcp, framed(make_query({"tf.local.", kTypeAxfr})));
  CHECK(DecodedReply(read_message(tcp)).rcode() == 5);
  send_all(tcp, framed(make_query({.name = "tf.local.", .type = kTypeSoa, .opcode = 4})));
  CHECK(DecodedReply(read_message(tcp)).rcode() == 4);
  send_all(tcp, framed(make_query({"tf.local.", kTypeSoa})));
  CHECK(DecodedReply(read_message(tcp)).records(DnsSection::kAnswer).size() == 1);
}

TEST_CASE("TCP: connections end in any order", "[dns][tcp]") {
  Served served;
  std::vector<app::FileDescriptor> peers;
  for (int i = 0; i < 30; ++i) {
    peers.push_back(connected(SOCK_STREAM, loopback(served.port())));
    const Packet query = framed(make_query({"worker1.tf.local."}));
    send_all(peers.back(), i % 3 == 0 ? std::span(query).first(7) : std::span(query));
  }
  for (std::size_t i = 0; i < peers.size(); i += 2) {
    const linger at_once{1, 0};  // a reset, with replies unread
    setsockopt(peers[i].get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    peers[i] = app::FileDescriptor();
  }
  for (std::size_t i = 29; i < peers.size(); i -= 2) {
    if (i % 3 != 0) CHECK(DecodedReply(read_message(peers[i])).rcode() == 0);
    peers[i] = app::FileDescriptor();
  }
  CHECK(eventually([&] { return served.server->totals().tcp.open == 0; }));
}

TEST_CASE("TCP: a peer that stops sending still gets its answers", "[dns][tcp]") {
  Served served;
  const app::FileDescriptor tcp = connected(SOCK_STREAM, loopback(served.port()));
  send_all(tcp, framed(make_query({"worker1.tf.local."})));
  shutdown(tcp.get(), SHUT_WR);
  CHECK(DecodedReply(read_message(tcp)).rcode() == 0);
  CHECK(is_closed(tcp));
}

TEST_CASE("TCP: half-sent messages stall nobody", "[dns][tcp]") {
  DnsServerOptions options;
  options.tcp_idle = 60s;
  Served served(std::move(options));
  std::vector<app::FileDescriptor> stalled;
  for (int i = 0; i < 50; ++i) {
    stalled.push_back(connected(SOCK_STREAM, loopback(served.port())));
    const Packet half = framed(make_query({"worker1.tf.local."}));
    send_all(stalled.back(), std::span(half).first(1 + static_cast<std::size_t>(i) % (half.size() - 1)));
  }
  for (int i = 0; i < 20; ++i) {
    const app::FileDescriptor tcp = connected(SOCK_STREAM, loopback(served.port()));
    send_all(tcp, framed(make_query({"worker1.tf.local."})));
    CHECK(DecodedReply(read_message(tcp)).rcode() == 0);
  }
  CHECK(served.server->totals().tcp.timed_out == 0);  // the stalled ones were still there
  CHECK(served.server->totals().tcp.open >= 50);
}

TEST_CASE("TCP: a peer that never reads is bounded, and stalls nobody", "[dns][tcp]") {
  DnsServerOptions options;
  options.tcp_idle = 3s;
  Served served(std::move(options));
  const app::FileDescriptor deaf = connected(SOCK_STREAM, loopback(served.port()));
  Packet flood;
  const Packet one = framed(make_query({.name = "_grpc._tcp.tf.local.", .type = kTypeSrv}));
  for (int i = 0; i < 4000; ++i) flood.insert(flood.end(), one.begin(), one.end());
  std::size_t sent = 0;
  while (sent < flood.size() && writable_within(deaf, 200ms)) {
    const ssize_t size = send(deaf.get(), flood.data() + sent, flood.size() - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (size <= 0) break;
    sent += static_cast<std::size_t>(size);
  }
  const app::FileDescriptor other = connected(SOCK_STREAM, loopback(served.port()));
  send_all(other, framed(make_query({"worker1.tf.local."})));
  CHECK(DecodedReply(read_message(other)).rcode() == 0);
  CHECK(eventually([&] { return served.server->totals().tcp.timed_out >= 1; }));
  // 4000 replies of 8 KB would be 32 MB; it stopped answering long before.
  CHECK(served.server->totals().tcp.queries.queries < 4000);
}

TEST_CASE("TCP: idle connections end, dribbled bytes are no activity", "[dns][tcp]") {
  DnsServerOptions options;
  options.tcp_idle = 300ms;
  Served served(std::move(options));
  const app::FileDescriptor silent = connected(SOCK_STREAM, loopback(served.port()));
  const app::FileDescriptor slow = connected(SOCK_STREAM, loopback(served.port()));
  const Packet message = framed(Packet(600, std::byte{1}));
  bool ended = false;
  for (std::size_t i = 0; i < message.size() - 1 && !ended; ++i) {
    ended = send(slow.get(), message.data() + i, 1, MSG_NOSIGNAL) <= 0;
    std::this_thread::sleep_for(50ms);  // bytes that come faster than the connection is idle
  }
  CHECK(ended);
  CHECK(is_closed(silent));
  CHECK(eventually([&] { return served.server->totals().tcp.timed_out == 2; }));
  CHECK(served.server->totals().tcp.open == 0);
}

TEST_CASE("TCP: at the limit the idle oldest makes room", "[dns][tcp]") {
  DnsServerOptions options;
  options.tcp_connections = 4;
  Served served(std::move(options));
  std::vector<app::FileDescriptor> peers;
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
  CHECK(is_closed(peers[1]));
  for (const std::size_t i : {0U, 2U, 3U, 4U}) use(i);
  CHECK(served.server->totals().tcp.shed == 1);
  CHECK(served.server->totals().tcp.open == 4);
}

// `query` with an OPT that pads it to `size` bytes (RFC 7830).
Packet padded(Packet query, std::size_t size) {
  const std::size_t padding = size - query.size() - 15;
  query[11] = std::byte{1};  // ARCOUNT
  const auto put = [&](unsigned value) {
    query.push_back(static_cast<std::byte>(value >> 8));
    query.push_back(static_cast<std::byte>(value));
  };
  query.push_back(std::byte{0});
  put(41);
  put(1232);
  put(0);
  put(0);
  put(static_cast<unsigned>(padding + 4));
  put(12);
  put(static_cast<unsigned>(padding));
  query.resize(size);
  return query;
}

TEST_CASE("TCP: a query of any size that TCP can carry is answered", "[dns][tcp]") {
  Served served;
  const app::FileDescriptor tcp = connected(SOCK_STREAM, loopback(served.port()));
  for (const std::size_t size : {4096U, 4097U, 16384U, 65535U}) {
    CAPTURE(size);
    send_all(tcp, framed(padded(make_query({.name = "worker1.tf.local.", .id = 7}), size)));
    const DecodedReply reply(read_message(tcp));
    CHECK(reply.id() == 7);
    CHECK(reply.rcode() == 0);
    CHECK(reply.records(DnsSection::kAnswer).size() == 1);
  }
}

TEST_CASE("TCP: a large query with bytes behind its end is a format error, as a small one is", "[dns][tcp]") {
  Served served;
  const app::FileDescriptor tcp = connected(SOCK_STREAM, loopback(served.port()));
  for (const std::size_t size : {100U, 5000U, 65535U}) {
    CAPTURE(size);
    Packet query = make_query({"worker1.tf.local."});
    query.resize(size);
    send_all(tcp, framed(query));
    CHECK(DecodedReply(read_message(tcp)).rcode() == 1);
  }
}

TEST_CASE("TCP: many large queries that never end are bounded together, and stall nobody", "[dns][tcp]") {
  DnsServerOptions options;
  options.tcp_idle = 60s;
  options.tcp_memory = 1 << 20;
  Served served(std::move(options));
  const app::FileDescriptor small = connected(SOCK_STREAM, loopback(served.port()));
  send_all(small, Packet(2));  // idle longest, but it holds nothing
  const Packet most = framed(Packet(65535));
  std::vector<app::FileDescriptor> peers;
  for (int i = 0; i < 64; ++i) {
    peers.push_back(connected(SOCK_STREAM, loopback(served.port())));
    send_all(peers.back(), std::span(most).first(60'000));
  }
  CHECK(is_closed(peers.front()));
  CHECK(eventually([&] { return served.server->totals().tcp.shed >= 64 - (1 << 20) / 60'000; }));
  send_all(peers.back(), std::span(most).subspan(60'000));
  CHECK(DecodedReply(read_message(peers.back())).rcode() == 1);
  send_all(small, framed(padded(make_query({.name = "worker1.tf.local.", .id = 9}), 65535)));
  CHECK(DecodedReply(read_message(small)).id() == 9);
}

}  // namespace
}  // namespace idetcd::testing
