// The HTTP port among peers that do not behave.
#include "idetcd-resolver/http.h"

#include <sys/resource.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>

#include <array>
#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "support/dns_client.h"
#include "support/program.h"

namespace idetcd::testing {
namespace {

using namespace resolver;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kBad = 2000;
constexpr auto kPrompt = 1s;  // milliseconds on an idle machine

// Both ends of kBad connections may be ours.
void raise_file_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = std::max<rlim_t>(limit.rlim_cur, std::min<rlim_t>(limit.rlim_max, 8192));
  REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  REQUIRE(limit.rlim_cur >= 2 * kBad + 100);
}

std::unique_ptr<HttpServer> serve() {
  auto server = HttpServer::start(app::parse_listen_address("127.0.0.1:0").value(), [](std::string_view path) {
    return HttpReply{200, std::string(path)};
  });
  REQUIRE(server);
  return std::move(*server);
}

bool send_text(const app::FileDescriptor& fd, std::string_view text) {
  return send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

// Half a request on each, all from 127.0.0.1.
std::vector<app::FileDescriptor> half_requests(std::uint16_t port, std::size_t count) {
  std::vector<app::FileDescriptor> peers;
  for (std::size_t i = 0; i < count; ++i) {
    peers.push_back(connected(SOCK_STREAM, loopback(port)));
    send_text(peers.back(), "GET /health HTTP/1.1\r\nX: ");
  }
  return peers;
}

// The whole reply; what came of it if none does within kPatience.
std::string get(std::uint16_t port, std::string_view path) {
  const app::FileDescriptor fd = connected(SOCK_STREAM, loopback(port));
  send_text(fd, "GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n\r\n");
  std::string reply;
  std::array<char, 4096> chunk;
  for (ssize_t size = 1; size > 0 && readable_within(fd, kPatience);) {
    size = recv(fd.get(), chunk.data(), chunk.size(), 0);
    if (size > 0) reply.append(chunk.data(), static_cast<std::size_t>(size));
  }
  return reply;
}

// When the peer ends it, from now; none within kPatience. It is sent a byte every 100 ms.
std::optional<Clock::duration> end_of_trickle(const app::FileDescriptor& fd) {
  const auto begin = Clock::now();
  while (Clock::now() - begin < kPatience) {
    send_text(fd, "y");
    char byte = 0;
    if (readable_within(fd, 100ms) && recv(fd.get(), &byte, 1, 0) <= 0) return Clock::now() - begin;
  }
  return std::nullopt;
}

TEST_CASE("HTTP: /health answers at once among 2000 half-sent requests of the same address", "[http]") {
  raise_file_limit();
  const auto server = serve();
  const auto peers = half_requests(server->port(), kBad);
  for (int i = 0; i < 20; ++i) {
    const auto asked = Clock::now();
    REQUIRE(get(server->port(), "/health").ends_with("\r\n\r\n/health"));
    CHECK(Clock::now() - asked < kPrompt);
  }
}

TEST_CASE("HTTP: a peer that trickles its request ends 2 s after it began", "[http]") {
  const auto server = serve();
  const auto slow = half_requests(server->port(), 1);
  const auto took = end_of_trickle(slow.front());
  REQUIRE(took);
  CHECK(*took > 1500ms);
  CHECK(*took < 4s);
}

TEST_CASE("HTTP: the server stops at once, whatever its peers do", "[http]") {
  raise_file_limit();
  auto server = serve();
  const auto peers = half_requests(server->port(), kBad);
  REQUIRE_FALSE(get(server->port(), "/health").empty());
  const auto begin = Clock::now();
  server.reset();
  CHECK(Clock::now() - begin < kPrompt);
}

TEST_CASE("HTTP: one request for each connection, GET and HEAD only", "[http]") {
  const auto server = serve();
  CHECK(get(server->port(), "/a").find("Connection: close\r\n") != std::string::npos);
  const app::FileDescriptor fd = connected(SOCK_STREAM, loopback(server->port()));
  send_text(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
  std::array<char, 1024> reply{};
  REQUIRE(readable_within(fd, kPatience));
  REQUIRE(recv(fd.get(), reply.data(), reply.size(), 0) > 0);
  CHECK(std::string_view(reply.data()).starts_with("HTTP/1.1 405 "));
}

TEST_CASE("HTTP: the daemon answers and ends among 2000 half-sent requests", "[http]") {
  raise_file_limit();
  Resolver daemon({"--no-claim", "--metrics", "127.0.0.1:0", "--endpoints", test_endpoints().front(), "--path",
                   random_prefix(), "--pattern", "worker{{.ID}}.tf.local."});
  const std::string mark = "metrics on 127.0.0.1:";
  REQUIRE(eventually([&] { return daemon.program().errors().find(mark) != std::string::npos; }));
  const std::string output = daemon.program().errors();
  const auto port = static_cast<std::uint16_t>(std::atoi(output.c_str() + output.find(mark) + mark.size()));
  REQUIRE(get(port, "/health").find(" 200 ") != std::string::npos);

  const auto peers = half_requests(port, kBad);
  const auto asked = Clock::now();
  CHECK(get(port, "/health").ends_with("OK\n"));
  CHECK(Clock::now() - asked < kPrompt);
  const auto ended = Clock::now();
  daemon.program().signal(SIGTERM);
  CHECK(daemon.program().wait_for(kPatience) == 0);
  CHECK(Clock::now() - ended < 2s);
}

}  // namespace
}  // namespace idetcd::testing
