// A DnsServer on loopback with a hundred names, and messages by TCP.
#pragma once

#include <sys/socket.h>

#include <array>
#include <catch2/catch.hpp>
#include <chrono>
#include <string>
#include <thread>

#include "idetcd-resolver/server/dns_server.h"
#include "support/dns_client.h"

namespace idetcd::testing {

using namespace resolver;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

inline std::shared_ptr<const ZoneSet> zone_of(SlotId members) {
  ZoneOptions options;
  options.pools = {{PatternTemplate::parse("worker{{.ID}}.tf.local.", 100).value(), "workers.tf.local."}};
  auto builder = ZoneBuilder::create(std::move(options)).value();
  for (SlotId slot = 1; slot <= members; ++slot) {
    NamedRecord record = make_record(slot);
    record.record.ports["grpc"] = 2222;
    builder.set(0, slot, &record);
  }
  return builder.commit(42);
}

struct Served {
  Snapshot<ZoneSet> zones{zone_of(100)};
  Answerer answerer{zones, {}};
  std::unique_ptr<DnsServer> server;

  explicit Served(DnsServerOptions options = {}, const std::string& address = "127.0.0.1:0") {
    options.listen.push_back(app::parse_listen_address(address).value());
    if (options.workers == 0) options.workers = 2;
    auto started = DnsServer::start(options, answerer);
    if (!started) FAIL(started.error().message);
    server = std::move(*started);
  }
  std::uint16_t port() const { return server->port(); }
};

inline Packet framed(const Packet& message) {
  Packet out;
  out.reserve(2 + message.size());
  out.push_back(static_cast<std::byte>(message.size() >> 8));
  out.push_back(static_cast<std::byte>(message.size()));
  out.insert(out.end(), message.begin(), message.end());
  return out;
}

inline void send_all(const app::FileDescriptor& fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t size = send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    REQUIRE(size > 0);
    bytes = bytes.subspan(static_cast<std::size_t>(size));
  }
}

// Exactly `size` bytes, or fewer if the peer closed.
inline Packet read_bytes(const app::FileDescriptor& fd, std::size_t size) {
  Packet bytes;
  while (bytes.size() < size) {
    if (!readable_within(fd, kPatience)) FAIL("nothing to read");
    std::array<std::byte, 4096> chunk;
    const ssize_t got = recv(fd.get(), chunk.data(), std::min(chunk.size(), size - bytes.size()), 0);
    if (got <= 0) break;
    bytes.insert(bytes.end(), chunk.begin(), chunk.begin() + got);
  }
  return bytes;
}

inline Packet read_message(const app::FileDescriptor& fd) {
  const Packet length = read_bytes(fd, 2);
  REQUIRE(length.size() == 2);
  return read_bytes(fd, load16(length.data()));
}

// Whether the peer closes it within kPatience; what it still sends is passed over.
inline bool is_closed(const app::FileDescriptor& fd) {
  const auto deadline = Clock::now() + kPatience;
  while (Clock::now() < deadline) {
    if (!readable_within(fd, 100ms)) continue;
    std::array<std::byte, 4096> chunk;
    if (recv(fd.get(), chunk.data(), chunk.size(), 0) <= 0) return true;
  }
  return false;
}

}  // namespace idetcd::testing
