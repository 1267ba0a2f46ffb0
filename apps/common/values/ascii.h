// ASCII letters, whatever the locale: the case rules of DNS (RFC 4343).
//
// The library has the same few lines in lib/src/base/ascii.h. They are its internals, which
// programs may not include, and too little to be part of its interface.
#pragma once

#include <string>
#include <string_view>

namespace idetcd::app {

constexpr char to_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

inline std::string to_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = to_lower(c);
  return lower;
}

}  // namespace idetcd::app
