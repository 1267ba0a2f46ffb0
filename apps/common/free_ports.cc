#include "free_ports.h"

#include "exit_status.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>

namespace idetcd::app {
namespace {

int bind_loopback(int type, std::uint16_t port) {
  const int fd = ::socket(AF_INET, type | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (fd >= 0 && ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  if (fd >= 0) ::close(fd);
  return -1;
}

std::uint16_t port_of(int fd) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.sin_port);
}

}  // namespace

std::vector<std::uint16_t> free_loopback_ports(std::size_t count) {
  std::vector<std::uint16_t> ports;
  std::vector<int> held;  // until the end, so that all are different
  for (int tries = 0; ports.size() < count && tries < 1000; ++tries) {
    const int tcp = bind_loopback(SOCK_STREAM, 0);
    if (tcp < 0) continue;
    held.push_back(tcp);
    const int udp = bind_loopback(SOCK_DGRAM, port_of(tcp));
    if (udp < 0) continue;
    held.push_back(udp);
    ports.push_back(port_of(tcp));
  }
  for (const int fd : held) ::close(fd);
  if (ports.size() < count) throw Exit(kExitOs, "there are no free ports on 127.0.0.1");
  return ports;
}

}  // namespace idetcd::app
