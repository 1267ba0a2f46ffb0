// Upstreams that are this server itself.
#pragma once

#include <idetcd/result.h>

#include <string>
#include <vector>

#include "common/settings/server_settings.h"

namespace idetcd::app {

// After place_servers(). An upstream at which one of the servers listens is kInvalidArgument; of a
// resolv.conf it is left out with a warning, as long as another one is left. What cannot be
// seen here, such as a stub in between, shows once questions come back.
Status remove_own_upstreams(std::vector<ServerSettings>& servers, std::vector<std::string>& warnings);

}  // namespace idetcd::app
