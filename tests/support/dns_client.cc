#include "support/dns_client.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>

namespace idetcd::testing {

using app::FileDescriptor;

sockaddr_in loopback(std::uint16_t port, std::uint32_t address) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(address);
  return to;
}

app::FileDescriptor connected(int type, const sockaddr_in& to) {
  app::FileDescriptor fd(socket(AF_INET, type | SOCK_CLOEXEC, 0));
  REQUIRE(connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
  return fd;
}

bool readable_within(const app::FileDescriptor& fd, std::chrono::milliseconds time) {
  pollfd wait{fd.get(), POLLIN, 0};
  return poll(&wait, 1, static_cast<int>(time.count())) == 1;
}

Packet ask_udp(const app::FileDescriptor& fd, const Packet& request) {
  REQUIRE(send(fd.get(), request.data(), request.size(), 0) == static_cast<ssize_t>(request.size()));
  REQUIRE(readable_within(fd, kPatience));
  Packet reply(4096);
  const ssize_t size = recv(fd.get(), reply.data(), reply.size(), 0);
  REQUIRE(size > 0);
  reply.resize(static_cast<std::size_t>(size));
  return reply;
}

}  // namespace idetcd::testing
