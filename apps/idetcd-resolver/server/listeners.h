// Listeners: every socket the servers need, bound before anything is served.
#pragma once

#include <idetcd/result.h>

#include <span>
#include <vector>

#include "common/system/file_descriptor.h"
#include "common/values/listen_address.h"

namespace idetcd::resolver {

// One address: a UDP socket for each worker, sharing the port (SO_REUSEPORT), and a
// listening TCP socket on the same port.
struct Listener {
  sockaddr_storage address{};  // with the port the kernel chose
  bool wildcard = false;       // then replies must be sent from where requests came to
  std::vector<app::FileDescriptor> udp{};
  app::FileDescriptor tcp{};
};

// Another process that has the port is an error, even one that would share it.
// kUnavailable names the address, the reason and the remedy. `workers` 0: one for each core.
Result<std::vector<Listener>> open_listeners(std::span<const app::ListenAddress> addresses, unsigned workers);

}  // namespace idetcd::resolver
