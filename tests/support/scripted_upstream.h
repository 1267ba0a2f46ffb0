// ScriptedUpstream: a DNS server on a free port of 127.0.0.1 that answers by the first label of a name.
#pragma once

#include <sys/socket.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/system/file_descriptor.h"
#include "support/dns_probe.h"

namespace idetcd::testing {

// "missing": NXDOMAIN. "silent": nothing. "held": nothing until release(). "big": 40 addresses, with TC over UDP.
// "forged": before the true reply, two with 203.0.113.66
// of another id and one from another port. "wrong": the answer to another question, 203.0.113.66. "signed": an RRSIG
// beside the address. "failing": SERVFAIL. "brief": a TTL of 1 s. Every other name has the address 192.0.2.1 and the
// TTL 60.
class ScriptedUpstream {
 public:
  ScriptedUpstream();
  ~ScriptedUpstream();
  ScriptedUpstream(const ScriptedUpstream&) = delete;
  ScriptedUpstream& operator=(const ScriptedUpstream&) = delete;

  std::uint16_t port() const noexcept { return port_; }

  // From now on nobody is answered.
  void die() { dead_ = true; }
  void release() { released_ = true; }

  // How often a name was asked for; lower case, with the dot.
  int asked(const std::string& name) const;
  int asked_over_tcp() const { return over_tcp_; }

 private:
  struct Held {
    Packet reply;
    Packet peer;
  };

  void run(const std::stop_token& stop);
  void answer_udp();
  void answer_tcp(int fd);
  std::vector<Packet> replies(const Packet& request, bool tcp);
  static void send(const app::FileDescriptor& from, const Packet& reply, const Packet& peer);

  std::uint16_t port_ = 0;
  app::FileDescriptor udp_, tcp_;
  app::FileDescriptor other_{socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};  // from another port
  std::atomic<bool> dead_{false}, released_{false};
  std::atomic<int> over_tcp_{0};
  std::vector<Held> held_;  // the thread's own
  std::vector<app::FileDescriptor> connections_;
  mutable std::mutex mutex_;
  std::map<std::string, int> asked_;  // guarded by mutex_
  std::jthread thread_;
};

}  // namespace idetcd::testing
