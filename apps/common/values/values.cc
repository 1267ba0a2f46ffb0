#include "common/values/values.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace idetcd::app {
namespace {

Error wrong(std::string message) {
  return {ErrorCode::kInvalidArgument, std::move(message)};
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<std::int64_t> unit_seconds(char unit) {
  switch (unit) {
    case 's': return 1;
    case 'm': return 60;
    case 'h': return 3600;
    case 'd': return 86400;
    default: return std::nullopt;
  }
}

Result<std::uint16_t> parse_port(std::string_view text) {
  const auto port = parse_number<std::uint16_t>(text);
  if (!port) return wrong(fmt::format("\"{}\" is not a port; expected a number from 1 to 65535", text));
  return *port;
}

// Where the first item ends.
using FindComma = std::size_t (*)(std::string_view text);

std::size_t first_comma(std::string_view text) {
  return std::min(text.find(','), text.size());
}

std::size_t first_comma_outside_actions(std::string_view text) {
  bool inside = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text.substr(at).starts_with(inside ? "}}" : "{{")) inside = !inside;
    if (text[at] == ',' && !inside) return at;
  }
  return text.size();
}

std::vector<std::string> split_at(std::string_view text, FindComma find_comma) {
  constexpr std::string_view kBlank = " \t";
  std::vector<std::string> items;
  while (!text.empty()) {
    const auto comma = find_comma(text);
    auto item = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    const auto first = item.find_first_not_of(kBlank);
    if (first == std::string_view::npos) continue;
    item = item.substr(first, item.find_last_not_of(kBlank) - first + 1);
    items.emplace_back(item);
  }
  return items;
}

}  // namespace

std::vector<std::string> split_list(std::string_view text) {
  return split_at(text, first_comma);
}

std::vector<std::string> split_patterns(std::string_view text) {
  return split_at(text, first_comma_outside_actions);
}

Result<SlotId> parse_limit(std::string_view text) {
  const auto limit = parse_number<std::int64_t>(text);
  if (!limit) {
    return wrong(
        fmt::format("\"{}\" is not a whole number; expected the maximum number of nodes, 1 to {}", text, kMaxLimit));
  }
  if (*limit < 1 || *limit > kMaxLimit) {
    return wrong(fmt::format("{} is out of range; expected the maximum number of nodes, 1 to {}", *limit, kMaxLimit));
  }
  return static_cast<SlotId>(*limit);
}

Result<unsigned> parse_count(std::string_view text, unsigned most) {
  const auto count = parse_number<unsigned>(text);
  if (!count || *count > most) return wrong(fmt::format("\"{}\" is not a number from 0 to {}", text, most));
  return *count;
}

Result<std::chrono::seconds> parse_duration(std::string_view text) {
  constexpr std::int64_t kMax = 10LL * 365 * 86400;
  const auto error = [text] {
    return wrong(
        fmt::format("\"{}\" is not a duration; expected seconds, or a number with s, m, h or d, e.g. 20s", text));
  };
  if (text.empty()) return error();
  std::int64_t total = 0;
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
    const auto number = parse_number<std::int64_t>(rest.substr(0, digits));
    rest.remove_prefix(digits);
    const bool bare = rest.empty() && digits == text.size();
    const auto unit = bare ? 1 : unit_seconds(rest.empty() ? '\0' : rest.front());
    if (!number || !unit) return error();
    if (!bare) rest.remove_prefix(1);
    if (*number > kMax) return wrong(fmt::format("\"{}\" is too long; the maximum is ten years", text));
    total += *number * *unit;
    if (total > kMax) return wrong(fmt::format("\"{}\" is too long; the maximum is ten years", text));
  }
  return std::chrono::seconds(total);
}

Result<std::uint16_t> parse_service_port(std::string_view text) {
  auto port = parse_port(text);
  if (port && *port == 0) return wrong("0 is not a port to publish; expected a number from 1 to 65535");
  return port;
}

Status check_service_name(std::string_view text) {
  const bool legal =
      std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
  if (legal && !text.empty() && text.size() <= kMaxServiceName && text.front() != '-' && text.back() != '-') return {};
  return wrong(
      fmt::format("\"{}\" is not a service name; expected 1 to {} lower-case letters, digits or inner '-', e.g. grpc "
                  "for _grpc._tcp",
                  text, kMaxServiceName));
}

Status check_meta(std::string_view key, std::string_view value) {
  if (key.empty()) return wrong("the key is empty; expected e.g. role=ps");
  if (key.find('=') != std::string_view::npos) return wrong(fmt::format("the key \"{}\" contains a =", key));
  if (key == "slot" || key == "token" || key == "node")
    return wrong(fmt::format("\"{}\" is always published; choose another key", key));
  if (key.size() + 1 + value.size() <= kMaxTxtString) return {};
  return wrong(
      fmt::format("the text of \"{}\" is too long; key and value may have at most {} bytes", key, kMaxTxtString - 1));
}

}  // namespace idetcd::app
