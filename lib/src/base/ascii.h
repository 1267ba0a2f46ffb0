// Letters without case, as DNS compares them (RFC 4343): ASCII only, whatever the locale.
#pragma once

#include <algorithm>
#include <string>

namespace idetcd::internal {

constexpr char ascii_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

inline void make_ascii_lower(std::string& text) {
  std::transform(text.begin(), text.end(), text.begin(), ascii_lower);
}

}  // namespace idetcd::internal
