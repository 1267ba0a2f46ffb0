// ServerSettings: a server block of the Corefile, as values.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/corefile/server_key.h"
#include "common/values/acl.h"
#include "common/values/forward_rule.h"
#include "common/values/listen_address.h"
#include "common/values/query_log_rule.h"

namespace idetcd::app {

// The default is that of a daemon without a Corefile.
struct ServerSettings {
  std::string place;  // where it begins, "Corefile:1"; empty: there is no file
  std::vector<corefile::ServerKey> keys{corefile::ServerKey{}};

  // Of the bind directives; empty: every address.
  std::vector<IpAddress> bind;

  std::optional<std::string> nsid;     // of the directive
  std::optional<std::string> version;  // of chaos, as are the others
  std::optional<std::string> hostname;
  std::vector<std::string> authors;
  std::vector<AclRule> acl;
  std::vector<QueryLogRule> log;
  std::vector<ForwardRule> forward;
  std::optional<CacheRule> cache;        // of what is forwarded
  std::optional<std::uint16_t> max_udp;  // bufsize
  bool whoami = false;

  // Where it is served, from all of the above; see place_servers().
  std::vector<ListenAddress> listen;
};

// What one HTTP address serves.
struct HttpEndpoint {
  std::string place;  // of the directive, "Corefile:3: health"
  ListenAddress address;
  bool metrics = false;
  bool health = false;
  bool ready = false;

  bool operator==(const HttpEndpoint&) const = default;
};

// Gives each server its `listen`. `listen`: for all servers, if not empty; they must then have one
// port, and no address of their own. `port`: of keys without one. kInvalidArgument: two servers would have
// the same zone at one address, or addresses that cannot both be bound; the message has the place.
Status place_servers(std::vector<ServerSettings>& servers, const std::vector<ListenAddress>& listen,
                     std::uint16_t port);

}  // namespace idetcd::app
