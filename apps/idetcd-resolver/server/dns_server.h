// DnsServer: the UDP workers and the TCP thread over one set of addresses.
#pragma once

#include <idetcd/result.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "answer/answerer.h"
#include "common/values/listen_address.h"
#include "server/listeners.h"
#include "server/server_counters.h"

namespace idetcd::resolver {

struct DnsServerOptions {
  std::vector<app::ListenAddress> listen{};
  unsigned workers = 0;  // UDP threads for each address; 0: one for each core
  std::size_t tcp_connections = 4096;
  std::chrono::milliseconds tcp_idle{10'000};
  std::size_t tcp_memory = 32 << 20;  // bytes
};

struct DnsServerTotals {
  CounterTotals udp;
  TcpTotals tcp;
};

// Owns its sockets and threads. stop() and the destructor return within a second.
// All members are safe to call from any thread.
class DnsServer {
 public:
  // Binds every address for UDP and TCP, then serves what `answerer` answers; it must
  // outlive the server. kUnavailable: an address could not be bound, or the process has
  // too few file descriptors or threads; the message names it and what to do.
  static Result<std::unique_ptr<DnsServer>> start(const DnsServerOptions& options, const Answerer& answerer);
  // The same over sockets that are open already, e.g. since before root's privileges were
  // given up; `options.listen` and `options.workers` do not count then.
  static Result<std::unique_ptr<DnsServer>> serve(const DnsServerOptions& options, std::vector<Listener> listeners,
                                                  const Answerer& answerer);
  ~DnsServer();

  // Where it listens, in the order of the options, ports filled in: "127.0.0.1:53".
  const std::vector<std::string>& addresses() const noexcept;
  // The port of the first address.
  std::uint16_t port() const noexcept;

  DnsServerTotals totals() const;

  // Closes the sockets and ends the threads; a second call does nothing.
  void stop();

 private:
  class Impl;
  explicit DnsServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace idetcd::resolver
