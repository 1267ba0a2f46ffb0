// TcpServer: all TCP connections on one epoll thread (RFC 7766, RFC 9210).
//
// Any number of pipelined queries, answered in order; a connection that says nothing
// for `idle`, or does not read its replies that long, is closed; when the limit is
// reached the one that has been idle longest makes room. No peer stalls another.
#pragma once

#include <idetcd/snapshot.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

#include "answer/answer.h"
#include "server/listeners.h"
#include "server/server_counters.h"

namespace idetcd::resolver {

struct TcpLimits {
  std::size_t connections = 4096;
  std::chrono::milliseconds idle{10'000};
};

// Owns its thread; borrows the sockets, the policy and the zones, which must outlive it.
class TcpServer {
 public:
  TcpServer(const std::vector<Listener>& listeners, const AnswerPolicy& policy, const Snapshot<ZoneSet>& zones,
            TcpLimits limits);
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
