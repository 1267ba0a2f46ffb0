#include "common/system/free_ports.h"

#include "common/system/exit_status.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <random>

namespace idetcd::app {
namespace {

// Below the ports that the kernel hands out to outgoing connections (32768 and up): a
// port that a server gives up for a moment is then still free when it comes back.
constexpr int kFirst = 15000;
constexpr int kLast = 32000;

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

}  // namespace

std::vector<std::uint16_t> free_loopback_ports(std::size_t count) {
  std::vector<std::uint16_t> ports;
  std::vector<int> held;  // until the end, so that all are different
  std::random_device random;
  std::uniform_int_distribution<int> any(kFirst, kLast);
  for (int tries = 0; ports.size() < count && tries < 1000; ++tries) {
    const auto port = static_cast<std::uint16_t>(any(random));
    const int tcp = bind_loopback(SOCK_STREAM, port);
    if (tcp < 0) continue;
    held.push_back(tcp);
    const int udp = bind_loopback(SOCK_DGRAM, port);
    if (udp < 0) continue;
    held.push_back(udp);
    ports.push_back(port);
  }
  for (const int fd : held) ::close(fd);
  if (ports.size() < count) throw Exit(kExitOs, "no free port on 127.0.0.1");
  return ports;
}

}  // namespace idetcd::app
