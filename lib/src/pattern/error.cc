#include "pattern/error.h"

#include <fmt/format.h>

#include <algorithm>

namespace idetcd::pattern {
namespace {

constexpr std::size_t kWindow = 76;
constexpr std::size_t kExcerpt = 60;

std::string printable(std::string_view text) {
  std::string shown(text);
  std::replace_if(
      shown.begin(), shown.end(), [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return shown;
}

}  // namespace

std::string explain(std::string_view text, std::size_t offset, std::string_view message) {
  offset = std::min(offset, text.size());
  const auto before = text.substr(0, offset);
  const auto line_number = 1 + std::count(before.begin(), before.end(), '\n');
  const auto line_start = before.rfind('\n') + 1;  // npos + 1 == 0
  auto line = text.substr(line_start, text.find('\n', offset) - line_start);
  const auto column = offset - line_start;
  const auto window_start = column < kWindow ? 0 : column - kWindow / 2;
  line = line.substr(window_start, kWindow);
  return fmt::format("pattern {}:{}: {}\n  {}\n  {:>{}}", line_number, column + 1, message, printable(line), '^',
                     column - window_start + 1);
}

std::string excerpt(std::string_view text) {
  if (text.size() <= kExcerpt) return fmt::format("\"{}\"", printable(text));
  return fmt::format("\"{}...\"", printable(text.substr(0, kExcerpt)));
}

}  // namespace idetcd::pattern
