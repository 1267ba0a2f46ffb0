#include "values.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <span>

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
  if (!port) return wrong(fmt::format("\"{}\" is not a port; write a number from 1 to 65535", text));
  return *port;
}

// Splits at the colon before the port; none if there is no port.
Result<std::pair<std::string_view, std::optional<std::string_view>>> split_port(std::string_view text) {
  using Split = std::pair<std::string_view, std::optional<std::string_view>>;
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return wrong(fmt::format("\"{}\" has no \"]\" after the IPv6 address", text));
    const auto rest = text.substr(close + 1);
    const auto host = text.substr(1, close - 1);
    if (rest.empty()) return Split{host, std::nullopt};
    if (!rest.starts_with(':')) return wrong(fmt::format("\"{}\" has more after \"]\" than a port", text));
    return Split{host, rest.substr(1)};
  }
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return Split{text, std::nullopt};
  if (text.find(':', colon + 1) != std::string_view::npos) {
    return wrong(fmt::format("\"{}\" has several colons; write an IPv6 address in brackets, as [::1]:53", text));
  }
  return Split{text.substr(0, colon), text.substr(colon + 1)};
}

bool same_prefix(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b, unsigned bits) {
  const std::size_t whole = bits / 8;
  if (!std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(whole), b.begin())) return false;
  const unsigned rest = bits % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff << (8 - rest));
  return (a[whole] & mask) == (b[whole] & mask);
}

std::optional<IpAddress> parse_address(std::string_view text) {
  if (const auto v4 = parse_ipv4(text)) return *v4;
  if (const auto v6 = parse_ipv6(text)) return *v6;
  return std::nullopt;
}

}  // namespace

namespace {

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
        fmt::format("\"{}\" is not a whole number; write how many nodes the pool may have, 1 to {}", text, kMaxLimit));
  }
  if (*limit < 1 || *limit > kMaxLimit) {
    return wrong(fmt::format("{} is out of range; write how many nodes the pool may have, 1 to {}", *limit, kMaxLimit));
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
    return wrong(fmt::format("\"{}\" is not a duration; write seconds, or a number with s, m, h or d, as 20s", text));
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
    if (*number > kMax) return wrong(fmt::format("\"{}\" is too long; ten years is the most", text));
    total += *number * *unit;
    if (total > kMax) return wrong(fmt::format("\"{}\" is too long; ten years is the most", text));
  }
  return std::chrono::seconds(total);
}

Result<HostPort> parse_listen(std::string_view text, std::uint16_t default_port) {
  if (parse_ipv6(text)) return HostPort{std::string(text), default_port};
  const auto split = split_port(text);
  if (!split) return split.error();
  auto host = split->first;
  if (host == "*") host = {};
  if (!host.empty() && !parse_address(host)) {
    return wrong(fmt::format("\"{}\" is not an address of this machine; write it in numbers, as 127.0.0.1:53", text));
  }
  if (!split->second) return HostPort{std::string(host), default_port};
  const auto port = parse_port(*split->second);
  if (!port) return wrong(fmt::format("\"{}\": {}", text, port.error().message));
  return HostPort{std::string(host), *port};
}

std::string to_string(const HostPort& address) {
  if (address.host.empty()) return fmt::format("*:{}", address.port);
  if (address.host.find(':') != std::string::npos) return fmt::format("[{}]:{}", address.host, address.port);
  return fmt::format("{}:{}", address.host, address.port);
}

Status check_endpoint(std::string_view text) {
  std::string_view rest = text;
  if (const auto scheme = rest.find("://"); scheme != std::string_view::npos) {
    if (rest.substr(0, scheme) != "http" && rest.substr(0, scheme) != "https") {
      return wrong(fmt::format("\"{}\" has an unknown scheme; write http:// or https://", text));
    }
    rest.remove_prefix(scheme + 3);
  }
  if (rest.ends_with('/')) rest.remove_suffix(1);
  const auto split = split_port(rest);
  if (!split) return split.error();
  if (split->first.empty() || split->first.find_first_of("/?#@ \t") != std::string_view::npos) {
    return wrong(fmt::format("\"{}\" names no host; write it as http://host:2379", text));
  }
  if (!split->second) return wrong(fmt::format("\"{}\" has no port; write it as http://host:2379", text));
  const auto port = parse_port(*split->second);
  if (!port || *port == 0) {
    return wrong(fmt::format("\"{}\": \"{}\" is not a port; write a number from 1 to 65535", text, *split->second));
  }
  return {};
}

Result<IpAddress> parse_advertised(std::string_view text) {
  const auto address = parse_address(text);
  if (!address) {
    return wrong(fmt::format("\"{}\" is not an IP address; write one in numbers, as 10.0.0.7 or fd00::7", text));
  }
  const Ipv4* v4 = std::get_if<Ipv4>(&*address);
  const Ipv6* v6 = std::get_if<Ipv6>(&*address);
  if ((v4 && *v4 == Ipv4{}) || (v6 && *v6 == Ipv6{})) {
    return wrong(fmt::format("\"{}\" is no node's address; write the one at which others reach this machine", text));
  }
  if ((v4 && (*v4)[0] >= 224) || (v6 && (*v6)[0] == 0xff)) {
    return wrong(fmt::format(
        "\"{}\" is a multicast or broadcast address; write the one at which others reach this machine", text));
  }
  return *address;
}

std::string to_string(const IpAddress& address) {
  return std::visit([](const auto& bytes) { return idetcd::to_string(bytes); }, address);
}

bool Network::contains(const IpAddress& address) const noexcept {
  if (address.index() != base.index()) return false;
  if (const auto* v4 = std::get_if<Ipv4>(&address)) return same_prefix(*v4, *std::get_if<Ipv4>(&base), prefix_length);
  return same_prefix(*std::get_if<Ipv6>(&address), *std::get_if<Ipv6>(&base), prefix_length);
}

Result<Network> parse_network(std::string_view text) {
  const auto slash = text.find('/');
  if (slash != std::string_view::npos) {
    const auto base = parse_address(text.substr(0, slash));
    const unsigned length = parse_number<unsigned>(text.substr(slash + 1)).value_or(999);
    if (base && length <= (std::holds_alternative<Ipv4>(*base) ? 32U : 128U)) return Network{*base, length};
  }
  return wrong(fmt::format("\"{}\" is not a network; write it as 10.0.0.0/8 or fd00::/8", text));
}

Result<std::uint16_t> parse_service_port(std::string_view text) {
  auto port = parse_port(text);
  if (port && *port == 0) return wrong("port 0 is where nothing listens; write a number from 1 to 65535");
  return port;
}

Status check_service_name(std::string_view text) {
  constexpr std::size_t kMax = 62;  // a label has 63, with the underscore
  const bool legal =
      std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
  if (legal && !text.empty() && text.size() <= kMax && text.front() != '-' && text.back() != '-') return {};
  return wrong(
      fmt::format("\"{}\" is not the name of a service; write 1 to {} lower-case letters, digits or inner '-', as grpc "
                  "for _grpc._tcp",
                  text, kMax));
}

Status check_meta(std::string_view key, std::string_view value) {
  constexpr std::size_t kMax = 255;  // RFC 1035 3.3
  if (key.empty()) return wrong("the key is empty; write for example role=ps");
  if (key.find('=') != std::string_view::npos) return wrong(fmt::format("the key \"{}\" has a = in it", key));
  if (key == "slot" || key == "token" || key == "node")
    return wrong(fmt::format("\"{}\" is published anyway; choose another key", key));
  if (key.size() + 1 + value.size() <= kMax) return {};
  return wrong(fmt::format("the text of \"{}\" is too long; key and value may have {} bytes", key, kMax - 1));
}

Status check_node_id(std::string_view text) {
  const bool legal = std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.' || c == ':';
  });
  if (legal && !text.empty() && text.size() <= 128) return {};
  return wrong(fmt::format("\"{}\" is not a node id; write 1 to 128 letters, digits, '-', '_', '.' or ':'", text));
}

}  // namespace idetcd::app
