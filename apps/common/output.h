// What programs tell a person, on stdout.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <utility>

namespace idetcd::app {

// Writes at once. Any thread. That nobody reads stdout is not an error.
template <class... Arguments>
void say(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  const std::string text = fmt::format(format, std::forward<Arguments>(arguments)...);
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

}  // namespace idetcd::app
