// ServerKey: what a server block answers for, as `tf.local:1053` says it.
#pragma once

#include <idetcd/result.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace idetcd::app::corefile {

struct ServerKey {
  std::string zone = ".";             // lower case, with its trailing dot
  std::optional<std::uint16_t> port;  // none: not given

  bool operator==(const ServerKey&) const = default;
};

// "[dns://]ZONE[:PORT]". A network, e.g. 10.0.0.0/8, is its reverse zone, or several if its
// prefix is not whole labels. An Error's message quotes the text and has no place.
Result<std::vector<ServerKey>> parse_server_key(std::string_view text);

// Lower case, with a trailing dot; also of a network. An Error's message quotes the text.
Result<std::vector<std::string>> parse_zone(std::string_view text);

}  // namespace idetcd::app::corefile
