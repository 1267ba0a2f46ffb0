#include "common/settings/server_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace idetcd::app {
namespace {

Error problem(const ServerSettings& server, std::string_view text) {
  return {ErrorCode::kInvalidArgument, fmt::format("{}: {}", server.place, text)};
}

std::vector<ListenAddress> own_addresses(const ServerSettings& server, std::uint16_t default_port) {
  std::set<std::uint16_t> ports;
  for (const corefile::ServerKey& key : server.keys) ports.insert(key.port.value_or(default_port));
  std::vector<ListenAddress> all;
  for (const std::uint16_t port : ports) {
    if (server.bind.empty()) all.push_back({std::nullopt, port});
    for (const IpAddress& ip : server.bind) all.push_back({ip, port});
  }
  return all;
}

Status check_one_place(const std::vector<ServerSettings>& servers, std::uint16_t port) {
  std::set<std::uint16_t> ports;
  for (const ServerSettings& server : servers) {
    for (const corefile::ServerKey& key : server.keys) ports.insert(key.port.value_or(port));
    if (ports.size() > 1)
      return problem(server,
                     "the server blocks have several ports, so listen cannot replace them; remove listen, and "
                     "write `bind ADDRESS` into the server blocks");
  }
  return {};
}

// CoreDNS' words for the same zone at one address.
Status check_zones(const std::vector<ServerSettings>& servers, std::uint16_t port) {
  std::map<std::tuple<std::string, std::uint16_t, std::string>, std::string> seen;
  for (const ServerSettings& server : servers) {
    for (const corefile::ServerKey& key : server.keys) {
      const std::uint16_t at = key.port.value_or(port);
      for (const ListenAddress& address : server.listen) {
        // Under `listen` a key's port is none of its addresses.
        const std::string where = to_string(address);
        const auto [twin, fresh] = seen.emplace(std::tuple(key.zone, at, where), server.place);
        if (!fresh)
          return problem(server, fmt::format("cannot serve dns://{}:{} on {} - it is already defined ({}); merge the "
                                             "server blocks",
                                             key.zone, at, where, twin->second));
      }
    }
  }
  return {};
}

bool same_family(const ListenAddress& wildcard, const ListenAddress& address) {
  return !wildcard.ip || !address.ip || wildcard.ip->index() == address.ip->index();
}

Status check_addresses(const std::vector<ServerSettings>& servers) {
  for (const ServerSettings& left : servers) {
    for (const ServerSettings& right : servers) {
      for (const ListenAddress& wildcard : left.listen) {
        for (const ListenAddress& address : right.listen) {
          const bool overlap = wildcard.port == address.port && wildcard.port != 0 && !(wildcard == address) &&
                               wildcard.wildcard() && same_family(wildcard, address);
          if (overlap)
            return problem(right, fmt::format("listens on {}, and {} on {}, which has that address in it; bind both "
                                              "to addresses of their own",
                                              to_string(address), left.place, to_string(wildcard)));
        }
      }
    }
  }
  return {};
}

}  // namespace

Status place_servers(std::vector<ServerSettings>& servers, const std::vector<ListenAddress>& listen,
                     std::uint16_t port) {
  if (!listen.empty()) {
    if (auto one = check_one_place(servers, port); !one) return one;
  }
  for (ServerSettings& server : servers) server.listen = listen.empty() ? own_addresses(server, port) : listen;
  if (auto apart = check_zones(servers, port); !apart) return apart;
  return listen.empty() ? check_addresses(servers) : Status();
}

}  // namespace idetcd::app
