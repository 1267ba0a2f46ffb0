#include "dns_fronts.h"

#include <algorithm>
#include <map>
#include <utility>

namespace idetcd::resolver {
namespace {

// Which server blocks listen at each address, in the order of the blocks.
struct Place {
  app::ListenAddress address;
  std::vector<std::size_t> blocks;
};

std::vector<Place> places_of(const std::vector<app::ServerSettings>& servers) {
  std::vector<Place> places;
  for (std::size_t block = 0; block < servers.size(); ++block) {
    for (const app::ListenAddress& address : servers[block].listen) {
      // Port 0 is another one each time, but for blocks that share it.
      const auto found = std::ranges::find(places, address, &Place::address);
      if (found == places.end())
        places.push_back({address, {block}});
      else if (found->blocks.back() != block)
        found->blocks.push_back(block);
    }
  }
  return places;
}

}  // namespace

DnsFronts::DnsFronts(const std::vector<app::ServerSettings>& servers) {
  for (const Place& place : places_of(servers)) {
    const auto same = std::ranges::find(fronts_, place.blocks, &Front::blocks);
    if (same == fronts_.end())
      fronts_.push_back({{place.address}, place.blocks});
    else
      same->listen.push_back(place.address);
  }
}

Status DnsFronts::open(unsigned workers) {
  for (Front& front : fronts_) {
    auto sockets = open_listeners(front.listen, workers);
    if (!sockets) return sockets.error();
    front.sockets = std::move(*sockets);
  }
  return {};
}

void DnsFronts::use_any_port() {
  for (Front& front : fronts_) {
    front.sockets.clear();
    for (app::ListenAddress& address : front.listen) address.port = 0;
  }
}

Status DnsFronts::serve(const std::vector<AnswerBlock>& blocks) {
  for (Front& front : fronts_) {
    std::vector<AnswerBlock> own;
    for (const std::size_t block : front.blocks) own.push_back(blocks[block]);
    front.answerer = std::make_unique<Answerer>(std::move(own));
    auto server = DnsServer::serve({}, std::move(front.sockets), *front.answerer);
    if (!server) return server.error();
    front.server = std::move(*server);
  }
  return {};
}

std::uint16_t DnsFronts::port_of(std::size_t block) const {
  const auto front = std::ranges::find_if(
      fronts_, [&](const Front& each) { return std::ranges::find(each.blocks, block) != each.blocks.end(); });
  return front->server->port();
}

DnsServerTotals DnsFronts::totals() const {
  DnsServerTotals sum;
  for (const Front& front : fronts_) {
    if (!front.server) continue;
    const DnsServerTotals each = front.server->totals();
    sum.udp += each.udp;
    sum.tcp.queries += each.tcp.queries;
    sum.tcp.accepted += each.tcp.accepted;
    sum.tcp.open += each.tcp.open;
    sum.tcp.shed += each.tcp.shed;
    sum.tcp.timed_out += each.tcp.timed_out;
  }
  return sum;
}

void DnsFronts::stop() {
  for (const Front& front : fronts_)
    if (front.server) front.server->stop();
}

}  // namespace idetcd::resolver
