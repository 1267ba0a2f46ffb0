#include "common/settings/forward_loops.h"

#include <fmt/format.h>

#include <algorithm>

namespace idetcd::app {
namespace {

bool is_loopback(const IpAddress& ip) {
  constexpr Ipv6 kLoopback{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  if (const auto* const ipv4 = std::get_if<Ipv4>(&ip)) return ipv4->front() == 127;
  return std::get<Ipv6>(ip) == kLoopback;
}

bool listens_at(const std::vector<ServerSettings>& servers, const Upstream& upstream) {
  return std::ranges::any_of(servers, [&](const ServerSettings& server) {
    return std::ranges::any_of(server.listen, [&](const ListenAddress& address) {
      if (address.port != upstream.port || upstream.tls) return false;
      const bool same_family = !address.ip || address.ip->index() == upstream.ip.index();
      return address.ip == upstream.ip || (address.wildcard() && same_family && is_loopback(upstream.ip));
    });
  });
}

}  // namespace

Status remove_own_upstreams(std::vector<ServerSettings>& servers, std::vector<std::string>& warnings) {
  for (ServerSettings& server : servers) {
    for (ForwardRule& rule : server.forward) {
      const auto own = [&](const Upstream& each) { return listens_at(servers, each); };
      const auto found = std::ranges::find_if(rule.upstreams, own);
      if (found == rule.upstreams.end()) continue;
      const std::string address = to_string(ListenAddress{found->ip, found->port});
      if (!rule.from_file)
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("{}: this server itself listens at {}; name another server", rule.place, address)};
      std::erase_if(rule.upstreams, own);
      if (rule.upstreams.empty())
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("{}: the only nameserver there is {}, at which this server itself listens; write the "
                                 "address of the server that it had before",
                                 rule.place, address)};
      warnings.push_back(fmt::format("{}: {} is left out: this server itself listens there", rule.place, address));
    }
  }
  return {};
}

}  // namespace idetcd::app
