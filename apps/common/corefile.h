// The ancestor's configuration file, as CoreDNS reads it:
//
//   .:1053 {
//       idetcd {
//           endpoint http://10.0.0.1:2379 http://10.0.0.2:2379
//           limit 5
//           pattern worker{{.ID}}.tf.local.
//       }
//   }
//
// One server block for the root zone, with one or more idetcd blocks in it. Words are
// split at blanks; "quotes" keep a word with blanks together (\" inside); # starts a
// comment. Anything else is an Error, never skipped.
#pragma once

#include <idetcd/result.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace idetcd::app {

// One line of an idetcd block. Any name is accepted: the settings have their own table.
struct CorefileSetting {
  std::string name;
  std::vector<std::string> arguments;
  int line = 0;
};

using CorefileBlock = std::vector<CorefileSetting>;

struct Corefile {
  std::optional<std::uint16_t> port;  // of the server key
  std::vector<CorefileBlock> blocks;  // the idetcd blocks; at least one
};

inline constexpr std::size_t kMaxCorefileBytes = 1024 * 1024;

// A pure function of `text`. Every Error's message starts with "FILE:LINE: ", with
// `file` as given.
Result<Corefile> parse_corefile(std::string_view text, std::string_view file);

}  // namespace idetcd::app
