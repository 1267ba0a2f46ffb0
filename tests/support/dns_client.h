// Asking a DNS server on loopback, over plain sockets.
#pragma once

#include <netinet/in.h>

#include <chrono>
#include <cstdint>

#include "common/system/file_descriptor.h"
#include "support/dns_probe.h"
#include "support/eventually.h"

namespace idetcd::testing {

sockaddr_in loopback(std::uint16_t port, std::uint32_t address = INADDR_LOOPBACK);

// SOCK_DGRAM or SOCK_STREAM; fails the test if it cannot be connected.
app::FileDescriptor connected(int type, const sockaddr_in& to);

bool readable_within(const app::FileDescriptor& fd, std::chrono::milliseconds time);

// One datagram there and one back; fails the test after kPatience.
Packet ask_udp(const app::FileDescriptor& fd, const Packet& request);

}  // namespace idetcd::testing
