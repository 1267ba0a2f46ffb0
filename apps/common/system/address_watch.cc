#include "common/system/address_watch.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace idetcd::app {

AddressWatch::AddressWatch() : socket_(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE)) {
  sockaddr_nl groups{};
  groups.nl_family = AF_NETLINK;
  groups.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;
  if (socket_ && bind(socket_.get(), reinterpret_cast<const sockaddr*>(&groups), sizeof groups) != 0)
    socket_ = FileDescriptor();
}

// What changed is not read: the addresses are chosen anew anyway.
bool AddressWatch::changed() {
  bool any = false;
  std::array<char, 8192> message;
  while (socket_) {
    const ssize_t size = recv(socket_.get(), message.data(), message.size(), 0);
    const bool lost_some = size < 0 && errno == ENOBUFS;
    if (size <= 0 && !lost_some) return any;
    any = true;
  }
  return any;
}

}  // namespace idetcd::app
