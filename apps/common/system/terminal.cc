#include "common/system/terminal.h"

#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace idetcd::app {

bool shows_colours(int fd) noexcept {
  const char* refused = std::getenv("NO_COLOR");
  if (refused != nullptr && *refused != '\0') return false;
  const char* kind = std::getenv("TERM");
  return kind != nullptr && std::string_view(kind) != "dumb" && ::isatty(fd) == 1;
}

}  // namespace idetcd::app
