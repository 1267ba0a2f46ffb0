#include "common/values/go_duration.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace idetcd::app {
namespace {

constexpr double kMaxMilliseconds = 10 * 365.0 * 24 * 3600 * 1000;

constexpr std::array<std::pair<std::string_view, double>, 8> kUnits{{{"ns", 1e-6},
                                                                     {"us", 1e-3},
                                                                     {"\xc2\xb5s", 1e-3},
                                                                     {"\xce\xbcs", 1e-3},
                                                                     {"ms", 1},
                                                                     {"s", 1e3},
                                                                     {"m", 60e3},
                                                                     {"h", 3600e3}}};

bool is_number(char c) {
  return (c >= '0' && c <= '9') || c == '.';
}

}  // namespace

Result<std::chrono::milliseconds> parse_go_duration(std::string_view text) {
  const Error wrong{ErrorCode::kInvalidArgument,
                    fmt::format("\"{}\" is not a duration; expected e.g. 5s, 500ms or 1m30s", text)};
  std::string_view rest = text;
  if (rest.starts_with('+')) rest.remove_prefix(1);
  if (rest == "0") return std::chrono::milliseconds(0);
  if (rest.empty()) return wrong;
  double sum = 0;
  while (!rest.empty()) {
    const auto digits = static_cast<std::size_t>(std::ranges::find_if_not(rest, is_number) - rest.begin());
    double value = 0;
    const auto [end, failed] = std::from_chars(rest.data(), rest.data() + digits, value, std::chars_format::fixed);
    if (digits == 0 || failed != std::errc{} || end != rest.data() + digits) return wrong;
    rest.remove_prefix(digits);
    const auto letters = static_cast<std::size_t>(std::ranges::find_if(rest, is_number) - rest.begin());
    const auto* const unit = std::ranges::find(kUnits, rest.substr(0, letters), &decltype(kUnits)::value_type::first);
    if (unit == kUnits.end()) return wrong;
    rest.remove_prefix(letters);
    sum += value * unit->second;
  }
  if (sum > kMaxMilliseconds)
    return Error{ErrorCode::kInvalidArgument, fmt::format("\"{}\" is out of range; expected at most ten years", text)};
  return std::chrono::milliseconds(static_cast<std::chrono::milliseconds::rep>(sum));
}

}  // namespace idetcd::app
