// Text of others, made fit for a terminal.
#pragma once

#include <string>
#include <string_view>

namespace idetcd::app {

// `text` with \xHH for each byte that could do more than show a character: control characters (C0, DEL, C1), the
// marks that change the direction of writing, and what is not UTF-8.
std::string printable(std::string_view text);

}  // namespace idetcd::app
