// Durations as Go writes them, which CoreDNS' directives have.
#pragma once

#include <idetcd/result.h>

#include <chrono>
#include <string_view>

namespace idetcd::app {

// "5s", "1m30s", "1.5h", "500ms"; "0" needs no unit. Not negative, and at most ten years; what
// is less than a millisecond is cut off. An Error's message quotes the text.
Result<std::chrono::milliseconds> parse_go_duration(std::string_view text);

}  // namespace idetcd::app
