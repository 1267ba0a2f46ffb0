// HttpConnections: which HTTP connections are open, and which one has to end next.
//
// Bookkeeping only: it knows no socket and no clock, so that a test is its peers and its time.
#pragma once

#include <idetcd/network.h>

#include <chrono>
#include <cstddef>
#include <list>
#include <optional>

namespace idetcd::resolver {

struct HttpLimits {
  std::size_t connections = 512;
  std::size_t per_peer = 128;             // of one IPv4 address, or of one IPv6 /64
  std::chrono::milliseconds head{2000};   // from accept to the end of the request's head
  std::chrono::milliseconds all{10'000};  // from accept to the last byte of the reply
};

// For one thread.
class HttpConnections {
 public:
  using Time = std::chrono::steady_clock::time_point;

  struct Connection {
    int fd = -1;
    Ipv6 peer{};
    Time accepted{};
    bool requested = false;  // its head is complete
    bool ending = false;     // counts no more; it is here until it is removed
  };
  using Handle = std::list<Connection>::iterator;

  explicit HttpConnections(HttpLimits limits) : limits_(limits) {}

  // `peer`: IPv4 as IPv4-mapped IPv6.
  Handle add(int fd, const Ipv6& peer, Time now);
  void remove(Handle connection) { connections_.erase(connection); }

  // The one that has to end before `peer` may have one more; none if there is room. Of the
  // peer's own if it has its share, else of all: the oldest without a request, or else the
  // oldest. It counts no more.
  std::optional<int> end_for(const Ipv6& peer);
  // The oldest as above, whatever the limits; none if there is none.
  std::optional<int> end_oldest();
  // One that is past its time; none if there is none.
  std::optional<int> end_overdue(Time now);

  // When end_overdue() has work next; none if nothing is open.
  std::optional<Time> next_deadline() const;

 private:
  template <class Matches>
  std::optional<int> end_oldest_of(Matches matches);
  Time deadline(const Connection& connection) const;

  const HttpLimits limits_;
  std::list<Connection> connections_;  // the oldest first
};

}  // namespace idetcd::resolver
