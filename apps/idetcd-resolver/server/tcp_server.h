// TcpServer: all TCP connections on one epoll thread (RFC 7766, RFC 9210).
//
// Any number of pipelined queries, answered in order. A connection that sends nothing
// for `idle`, or reads none of its replies for so long, is closed. When the limit is
// reached, the connection that has been idle longest is closed; when all of them together hold
// too much memory, the idlest of those with large requests or replies. No peer delays another.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

#include "answer/answerer.h"
#include "server/listeners.h"
#include "server/server_counters.h"

namespace idetcd::resolver {

struct TcpLimits {
  std::size_t connections = 4096;
  std::chrono::milliseconds idle{10'000};
  std::size_t memory = 32 << 20;  // bytes, of all connections; small buffers are not counted against it
};

// Owns its thread; borrows the sockets and the answerer, which must outlive it.
class TcpServer {
 public:
  // Throws std::system_error if there are too few file descriptors or threads.
  TcpServer(const std::vector<Listener>& listeners, const Answerer& answerer, TcpLimits limits);
  TcpServer(const TcpServer&) = delete;
  TcpServer& operator=(const TcpServer&) = delete;
  ~TcpServer();

  // Any thread.
  TcpTotals totals() const;

  // Ends the thread and closes every connection, at once; a second call does nothing. Not thread-safe.
  void stop();

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace idetcd::resolver
