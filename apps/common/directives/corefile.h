// The Corefile: server blocks with their directives, in the language of CoreDNS.
//
//   .:1053 {
//       idetcd {
//           endpoint http://10.0.0.1:2379 http://10.0.0.2:2379
//           limit 5
//           pattern worker{{.ID}}.tf.local.
//       }
//   }
//
// What CoreDNS passes over in silence is an Error here.
#pragma once

#include <idetcd/result.h>

#include <string>
#include <string_view>
#include <vector>

#include "common/corefile/server_key.h"
#include "common/corefile/statement.h"
#include "common/corefile/variables.h"

namespace idetcd::app {

struct CorefileServer {
  std::string place;                      // "Corefile:1", of its first key
  std::vector<corefile::ServerKey> keys;  // at least one
  std::vector<corefile::Statement> directives;
};

struct Corefile {
  std::vector<CorefileServer> servers;  // at least one of them has an idetcd block
  std::vector<std::string> warnings;    // each "FILE:LINE: ..."
};

// `file`, as given, is in every message, and imports are relative to its folder. Reads the
// files that are imported, and the variables of `environment`. An Error's message has a line for
// each problem, each of which starts with "FILE:LINE: ".
Result<Corefile> parse_corefile(std::string_view text, std::string_view file, const Environment& environment);

}  // namespace idetcd::app
