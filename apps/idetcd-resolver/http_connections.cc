#include "http_connections.h"

#include <idetcd/record.h>

#include <algorithm>

namespace idetcd::resolver {
namespace {

// A host has a whole /64 of IPv6 at its disposal, but one IPv4 address.
Ipv6 share_of(Ipv6 peer) {
  if (!from_mapped(peer)) std::fill(peer.begin() + 8, peer.end(), std::uint8_t{0});
  return peer;
}

}  // namespace

HttpConnections::Handle HttpConnections::add(int fd, const Ipv6& peer, Time now) {
  return connections_.insert(connections_.end(), {fd, share_of(peer), now});
}

template <class Matches>
std::optional<int> HttpConnections::end_oldest_of(Matches matches) {
  auto found = std::ranges::find_if(connections_, [&](const Connection& c) { return !c.requested && matches(c); });
  if (found == connections_.end()) found = std::ranges::find_if(connections_, matches);
  if (found == connections_.end()) return std::nullopt;
  found->ending = true;
  return found->fd;
}

std::optional<int> HttpConnections::end_for(const Ipv6& peer) {
  const auto open = [](const Connection& c) { return !c.ending; };
  const auto of_peer = [share = share_of(peer)](const Connection& c) { return !c.ending && c.peer == share; };
  if (static_cast<std::size_t>(std::ranges::count_if(connections_, of_peer)) >= limits_.per_peer)
    return end_oldest_of(of_peer);
  if (static_cast<std::size_t>(std::ranges::count_if(connections_, open)) >= limits_.connections)
    return end_oldest_of(open);
  return std::nullopt;
}

std::optional<int> HttpConnections::end_oldest() {
  return end_oldest_of([](const Connection& c) { return !c.ending; });
}

std::optional<int> HttpConnections::end_overdue(Time now) {
  return end_oldest_of([&](const Connection& c) { return !c.ending && deadline(c) <= now; });
}

std::optional<HttpConnections::Time> HttpConnections::next_deadline() const {
  std::optional<Time> next;
  for (const Connection& connection : connections_) {
    if (!connection.ending && (!next || deadline(connection) < *next)) next = deadline(connection);
  }
  return next;
}

HttpConnections::Time HttpConnections::deadline(const Connection& connection) const {
  return connection.accepted + (connection.requested ? limits_.all : limits_.head);
}

}  // namespace idetcd::resolver
