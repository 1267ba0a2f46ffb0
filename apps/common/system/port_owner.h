// Who has a port that we cannot have.
#pragma once

#include <sys/socket.h>

#include <string>

namespace idetcd::app {

// Of a process that has a socket of `type` (SOCK_DGRAM: UDP; SOCK_STREAM: TCP, listening) at `address` or at every
// address: "dnsmasq (process 812)"; "a process of user systemd-resolve" if only root may look closer; empty if it is
// not known. Reads /proc, and may be slow: for error messages.
std::string port_owner(const sockaddr_storage& address, int type);

}  // namespace idetcd::app
