#include "dns_fronts.h"

#include <algorithm>
#include <utility>

namespace idetcd::resolver {

DnsFronts::DnsFronts(const std::vector<app::ServerSettings>& servers) {
  for (std::size_t block = 0; block < servers.size(); ++block) {
    for (const app::ListenAddress& address : servers[block].listen) {
      // Port 0 is another one each time, but for blocks that share it.
      const auto found = std::ranges::find(fronts_, address, &Front::listen);
      if (found == fronts_.end())
        fronts_.push_back({address, {block}});
      else if (found->blocks.back() != block)
        found->blocks.push_back(block);
    }
  }
}

const DnsFronts::Front* DnsFronts::twin_in(const DnsFronts* before, const Front& front) const {
  if (before == nullptr) return nullptr;
  const auto found = std::ranges::find(before->fronts_, front.listen, &Front::listen);
  return found == before->fronts_.end() ? nullptr : &*found;
}

Status DnsFronts::open(unsigned workers, const DnsFronts* before) {
  for (Front& front : fronts_) {
    if (twin_in(before, front) != nullptr) continue;
    auto sockets = open_listeners({&front.listen, 1}, workers);
    if (!sockets) return sockets.error();
    front.sockets = std::move(*sockets);
  }
  return {};
}

void DnsFronts::use_any_port() {
  for (Front& front : fronts_) {
    front.sockets.clear();
    front.listen.port = 0;
  }
}

std::vector<AnswerBlock> DnsFronts::own_blocks(const Front& front, const std::vector<AnswerBlock>& blocks) const {
  std::vector<AnswerBlock> own;
  for (const std::size_t block : front.blocks) own.push_back(blocks[block]);
  return own;
}

Status DnsFronts::serve(const std::vector<AnswerBlock>& blocks, DnsFronts* before) {
  for (Front& front : fronts_) {
    if (twin_in(before, front) != nullptr) continue;
    front.answerer = std::make_unique<Answerer>(own_blocks(front, blocks));
    auto server = DnsServer::serve({}, std::move(front.sockets), *front.answerer);
    if (!server) return server.error();
    front.server = std::move(*server);
  }
  for (Front& front : fronts_) {
    if (front.server) continue;
    const auto twin = std::ranges::find(before->fronts_, front.listen, &Front::listen);
    front.answerer = std::move(twin->answerer);
    front.server = std::move(twin->server);
    front.answerer->replace(own_blocks(front, blocks));
    before->fronts_.erase(twin);
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
