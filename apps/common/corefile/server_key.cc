#include "common/corefile/server_key.h"

#include <fmt/format.h>
#include <idetcd/network.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <span>

namespace idetcd::app::corefile {
namespace {

constexpr std::size_t kMaxName = 254;  // RFC 1035 3.1, as text with its trailing dot
constexpr std::size_t kMaxLabel = 63;

Error wrong(std::string message) {
  return {ErrorCode::kInvalidArgument, std::move(message)};
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

Result<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (failed != std::errc{} || end != text.data() + text.size() || port == 0)
    return wrong(fmt::format("\"{}\" is not a port; expected a number from 1 to 65535, e.g. `.:1053 {{`", text));
  return port;
}

std::string reverse_zone(std::span<const std::uint8_t> bytes, unsigned labels, unsigned bits_of_label) {
  const bool ipv4 = bits_of_label == 8;
  std::string zone = ipv4 ? "in-addr.arpa." : "ip6.arpa.";
  for (unsigned label = 0; label < labels; ++label) {
    const unsigned half = label % 2 == 0 ? bytes[label / 2] >> 4U : bytes[label / 2] & 0xfU;
    zone.insert(0, ipv4 ? fmt::format("{}.", bytes[label]) : fmt::format("{:x}.", half));
  }
  return zone;
}

// One zone for each value of the last label that the prefix leaves open.
Result<std::vector<std::string>> reverse_zones(std::string_view text) {
  const auto network = parse_network(text);
  if (!network) return network.error();
  if (network->prefix_length == 0) return wrong(fmt::format("\"{}\": write in-addr.arpa or ip6.arpa instead", text));
  const auto* const v4 = std::get_if<Ipv4>(&network->base);
  const unsigned step = v4 != nullptr ? 8 : 4;
  const unsigned labels = (network->prefix_length + step - 1) / step;
  const unsigned open = labels * step - network->prefix_length;
  std::vector<std::uint8_t> bytes(16);
  if (v4 != nullptr)
    std::ranges::copy(*v4, bytes.begin());
  else
    std::ranges::copy(std::get<Ipv6>(network->base), bytes.begin());
  std::vector<std::string> zones;
  for (unsigned i = 0; i < 1U << open; ++i) {
    std::vector<std::uint8_t> each = bytes;
    const unsigned last = labels - 1;
    if (v4 != nullptr)
      each[last] = static_cast<std::uint8_t>(each[last] + i);
    else
      each[last / 2] = static_cast<std::uint8_t>(each[last / 2] + (last % 2 == 0 ? i << 4U : i));
    zones.push_back(reverse_zone(each, labels, step));
  }
  return zones;
}

Result<std::string> parse_name(std::string_view text) {
  std::string name;
  std::size_t label = 0;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '\\' || static_cast<unsigned char>(c) >= 0x7f || c == ':' ||
        c == '/')
      return wrong(fmt::format("\"{}\" is not a zone: the character '{}' cannot be in one", text, c));
    if (c == '.' && label == 0) return wrong(fmt::format("\"{}\" is not a zone: it has an empty label", text));
    label = c == '.' ? 0 : label + 1;
    if (label > kMaxLabel) return wrong(fmt::format("\"{}\" is not a zone: a label has more than 63 characters", text));
    name += lower(c);
  }
  if (!name.ends_with('.')) name += '.';
  if (name.size() > kMaxName) return wrong(fmt::format("\"{}\" is not a zone: it is too long", text));
  return name;
}

}  // namespace

Result<std::vector<std::string>> parse_zone(std::string_view text) {
  if (text == ".") return std::vector<std::string>{"."};
  if (text.empty()) return wrong("the zone is empty; write `.` for all names");
  if (text.find('/') != std::string_view::npos) return reverse_zones(text);
  auto name = parse_name(text);
  if (!name) return name.error();
  return std::vector<std::string>{std::move(*name)};
}

Result<std::vector<ServerKey>> parse_server_key(std::string_view text) {
  std::string_view zone = text;
  if (const auto scheme = zone.find("://"); scheme != std::string_view::npos) {
    if (zone.substr(0, scheme) != "dns")
      return wrong(fmt::format("\"{}\": only plain DNS is supported; write dns:// or no scheme", text));
    zone.remove_prefix(scheme + 3);
  }
  std::optional<std::uint16_t> port;
  // The last colon, as in CoreDNS: an IPv6 network ends in its prefix, which is no port.
  const auto colon = zone.rfind(':');
  const auto slash = zone.find('/');
  if (colon != std::string_view::npos && (slash == std::string_view::npos || slash < colon)) {
    const auto read = parse_port(zone.substr(colon + 1));
    if (!read) return read.error();
    port = *read;
    zone = zone.substr(0, colon);
  }
  const auto zones = parse_zone(zone);
  if (!zones) return zones.error();
  std::vector<ServerKey> keys;
  for (const std::string& each : *zones) keys.push_back({each, port});
  return keys;
}

}  // namespace idetcd::app::corefile
