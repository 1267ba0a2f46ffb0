// The directives of a server block that work here: reading their arguments, which are spelled as in CoreDNS.
#pragma once

#include <idetcd/result.h>

#include <string>
#include <vector>

#include "common/directives/corefile.h"
#include "common/settings/settings.h"

namespace idetcd::app {

// What server blocks say beside their idetcd blocks.
struct ServerDirectives {
  std::vector<ServerSettings> servers;
  std::vector<HttpEndpoint> http;
  std::chrono::milliseconds lameduck{0};
  std::chrono::milliseconds reload{0};  // 0: not asked for
  bool debug = false;
  std::vector<std::string> warnings;  // each "FILE:LINE: ..."
};

// Looks up interfaces and the host name. An Error's message has a line for each problem.
Result<ServerDirectives> read_server_directives(const Corefile& corefile);

}  // namespace idetcd::app
