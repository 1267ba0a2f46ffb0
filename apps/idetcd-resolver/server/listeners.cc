#include "server/listeners.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>

#include "common/system/port_owner.h"

namespace idetcd::resolver {
namespace {

constexpr int kReceiveBuffer = 4 << 20;  // what a burst needs while the thread is not running
constexpr int kBacklog = 1024;
constexpr int kPortAttempts = 16;

// Why a socket call failed, as errno said.
struct Failure {
  int reason = 0;
  const char* protocol = "UDP";
};

socklen_t size_of(const sockaddr_storage& address) {
  return address.ss_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
}

void set_port(sockaddr_storage& address, std::uint16_t port) {
  // The port lies at the same place for both families.
  const std::uint16_t wire = htons(port);
  std::memcpy(reinterpret_cast<char*>(&address) + offsetof(sockaddr_in, sin_port), &wire, sizeof wire);
}

std::uint16_t port_of(const sockaddr_storage& address) {
  std::uint16_t wire = 0;
  std::memcpy(&wire, reinterpret_cast<const char*>(&address) + offsetof(sockaddr_in, sin_port), sizeof wire);
  return ntohs(wire);
}

void set_option(const app::FileDescriptor& fd, int level, int name, int value) {
  setsockopt(fd.get(), level, name, &value, sizeof value);  // a wish: serving goes on without
}

bool bind_to(const app::FileDescriptor& fd, const sockaddr_storage& address) {
  if (address.ss_family == AF_INET6) set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  return bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size_of(address)) == 0;
}

void tune_udp(const app::FileDescriptor& fd, const Listener& listener) {
  if (setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer, sizeof kReceiveBuffer) != 0)
    set_option(fd, SOL_SOCKET, SO_RCVBUF, kReceiveBuffer);
  // Replies are small enough for every path, so they need not be fragmented (RFC 9715 3.1),
  // and a forged "fragmentation needed" must not make us. Without fragments an IPv4
  // packet needs no identification, which the kernel would compute a hash for.
  if (listener.address.ss_family == AF_INET) {
    set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
    if (listener.wildcard) set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
  } else {
    set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
    if (listener.wildcard) set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  }
}

// The first socket is bound alone, so that it fails when anybody has the port; only
// then is the port opened for our own other sockets.
Status open_udp(Listener& listener, unsigned workers, Failure& failure) {
  Status failed = Error{ErrorCode::kUnavailable, {}};
  for (unsigned i = 0; i < workers; ++i) {
    app::FileDescriptor fd(socket(listener.address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (i != 0 && fd) set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (!fd || !bind_to(fd, listener.address)) {
      failure = {errno, "UDP"};
      return failed;
    }
    if (i == 0) {
      set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
      socklen_t size = sizeof listener.address;
      getsockname(fd.get(), reinterpret_cast<sockaddr*>(&listener.address), &size);
    }
    tune_udp(fd, listener);
    listener.udp.push_back(std::move(fd));
  }
  return {};
}

Status open_tcp(Listener& listener, Failure& failure) {
  listener.tcp = app::FileDescriptor(socket(listener.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (listener.tcp) set_option(listener.tcp, SOL_SOCKET, SO_REUSEADDR, 1);
  if (!listener.tcp || !bind_to(listener.tcp, listener.address) || listen(listener.tcp.get(), kBacklog) != 0) {
    failure = {errno, "TCP"};
    return Error{ErrorCode::kUnavailable, {}};
  }
  return {};
}

// A port of the kernel's choice is free for UDP; whether it is for TCP shows only then.
Status open_listener(Listener& listener, unsigned workers, Failure& failure) {
  const sockaddr_storage asked = listener.address;
  for (int attempt = 1;; ++attempt) {
    Status opened = open_udp(listener, workers, failure);
    if (opened) opened = open_tcp(listener, failure);
    const bool may_retry = port_of(asked) == 0 && failure.reason == EADDRINUSE && attempt < kPortAttempts;
    if (opened || !may_retry) return opened;
    listener.udp.clear();
    listener.address = asked;
  }
}

std::string remedy(const Listener& listener, const Failure& failure) {
  switch (failure.reason) {
    case EADDRINUSE: {
      const int type = failure.protocol == std::string_view("UDP") ? SOCK_DGRAM : SOCK_STREAM;
      const std::string owner = app::port_owner(listener.address, type);
      return (owner.empty() ? "another process (see ss -tulpn)" : owner) +
             " uses it; stop that, or choose another address, e.g. --listen 127.0.0.1:1053";
    }
    case EACCES:
      return "a port below 1024 needs root or CAP_NET_BIND_SERVICE; or choose another, e.g. --listen 127.0.0.1:1053";
    case EADDRNOTAVAIL: return "this machine has no such address";
    default: return std::strerror(failure.reason);
  }
}

Error cannot_listen(const Listener& listener, const Failure& failure) {
  return {ErrorCode::kUnavailable, "cannot listen on " + app::to_string(listener.address) + " (" + failure.protocol +
                                       "): " + remedy(listener, failure)};
}

sockaddr_storage any_address(sa_family_t family, std::uint16_t port) {
  sockaddr_storage address{};
  address.ss_family = family;
  set_port(address, port);
  return address;
}

Status open_both(std::vector<Listener>& listeners, std::uint16_t port, unsigned workers) {
  Failure failure;
  Listener v4{any_address(AF_INET, port), true, {}, {}};
  if (!open_listener(v4, workers, failure)) return cannot_listen(v4, failure);
  Listener v6{any_address(AF_INET6, port_of(v4.address)), true, {}, {}};
  listeners.push_back(std::move(v4));
  if (open_listener(v6, workers, failure)) {
    listeners.push_back(std::move(v6));
    return {};
  }
  const bool no_ipv6 = failure.reason == EAFNOSUPPORT || failure.reason == EADDRNOTAVAIL;
  return no_ipv6 ? Status{} : Status{cannot_listen(v6, failure)};
}

}  // namespace

Result<std::vector<Listener>> open_listeners(std::span<const app::ListenAddress> addresses, unsigned workers) {
  if (workers == 0) workers = std::max(1U, std::thread::hardware_concurrency());
  std::vector<Listener> listeners;
  for (const app::ListenAddress& address : addresses) {
    if (!address.ip) {
      if (Status opened = open_both(listeners, address.port, workers); !opened) return opened.error();
      continue;
    }
    Failure failure;
    Listener listener{app::socket_address(address), address.wildcard(), {}, {}};
    if (!open_listener(listener, workers, failure)) return cannot_listen(listener, failure);
    listeners.push_back(std::move(listener));
  }
  return listeners;
}

}  // namespace idetcd::resolver
