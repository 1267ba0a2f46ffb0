// UdpServer: one thread for each UDP socket: receive a batch, answer it in place, send it.
#pragma once

#include <memory>
#include <vector>

#include "answer/answerer.h"
#include "server/listeners.h"
#include "server/server_counters.h"

namespace idetcd::resolver {

// Owns its threads; borrows the sockets and the answerer, which must outlive it.
class UdpServer {
 public:
  // Starts a thread for each UDP socket of `listeners`. Throws std::system_error if
  // there are too few.
  UdpServer(const std::vector<Listener>& listeners, const Answerer& answerer);
  UdpServer(const UdpServer&) = delete;
  UdpServer& operator=(const UdpServer&) = delete;
  ~UdpServer();

  // Any thread.
  CounterTotals totals() const;

  // Ends the threads within half a second; a second call does nothing. Not thread-safe.
  void stop();

 private:
  class Worker;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace idetcd::resolver
