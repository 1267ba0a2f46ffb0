#include "wire/wire_name.h"

#include <algorithm>
#include <cstring>

#include "common/values/ascii.h"
#include "wire/wire.h"

namespace idetcd::resolver {
namespace {

constexpr std::size_t kMaxLabel = 63;
constexpr std::string_view kHex = "0123456789abcdef";

bool printable(char c) noexcept {
  return c > ' ' && c < 0x7f && c != '\\' && c != '.';
}

bool append_label(Bytes& name, std::string_view label) {
  if (label.empty() || label.size() > kMaxLabel || !std::all_of(label.begin(), label.end(), printable)) return false;
  name.push_back(static_cast<std::byte>(label.size()));
  std::transform(label.begin(), label.end(), std::back_inserter(name),
                 [](char c) { return static_cast<std::byte>(app::to_lower(c)); });
  return true;
}

template <class Octets>
Bytes reverse_v4(const Octets& octets, std::size_t count) {
  Bytes name;
  for (std::size_t i = count; i-- > 0;) append_label(name, std::to_string(octets[i]));
  append_label(name, "in-addr");
  append_label(name, "arpa");
  name.push_back(std::byte{0});
  return name;
}

Bytes reverse_v6(const Ipv6& address, std::size_t nibbles) {
  Bytes name;
  for (std::size_t i = nibbles; i-- > 0;) {
    const unsigned octet = address[i / 2];
    append_label(name, kHex.substr(i % 2 == 0 ? octet >> 4 : octet & 15, 1));
  }
  append_label(name, "ip6");
  append_label(name, "arpa");
  name.push_back(std::byte{0});
  return name;
}

}  // namespace

std::optional<Bytes> to_wire(std::string_view text) {
  Bytes name;
  if (text == ".") text = {};
  if (!text.empty() && text.back() == '.') text.remove_suffix(1);
  while (!text.empty()) {
    const std::size_t dot = text.find('.');
    if (!append_label(name, text.substr(0, dot))) return std::nullopt;
    if (dot == std::string_view::npos) break;
    text.remove_prefix(dot + 1);
    if (text.empty()) return std::nullopt;
  }
  name.push_back(std::byte{0});
  if (name.size() > kMaxNameSize) return std::nullopt;
  return name;
}

std::string to_text(WireName name) {
  std::string text;
  while (name.front() != std::byte{0}) {
    const auto label = std::to_integer<std::size_t>(name.front());
    text.append(reinterpret_cast<const char*>(name.data()) + 1, label).push_back('.');
    name = name.subspan(label + 1);
  }
  return text.empty() ? "." : text;
}

std::optional<Bytes> prepend(std::string_view label, WireName name) {
  Bytes longer;
  longer.reserve(label.size() + 1 + name.size());
  if (!append_label(longer, label) || longer.size() + name.size() > kMaxNameSize) return std::nullopt;
  longer.insert(longer.end(), name.begin(), name.end());
  return longer;
}

WireName parent_of(WireName name) noexcept {
  return name.subspan(std::to_integer<std::size_t>(name.front()) + 1);
}

bool lies_in(WireName name, WireName zone) noexcept {
  while (name.size() > zone.size()) name = parent_of(name);
  return name.size() == zone.size() && std::memcmp(name.data(), zone.data(), name.size()) == 0;
}

Bytes reverse_name(const Ipv4& address) {
  return reverse_v4(address, address.size());
}
Bytes reverse_name(const Ipv6& address) {
  return reverse_v6(address, 2 * address.size());
}

std::optional<Bytes> reverse_zone(const Network& network) {
  const unsigned bits = network.prefix_length;
  if (const auto* v4 = std::get_if<Ipv4>(&network.base))
    return bits % 8 == 0 ? std::optional(reverse_v4(*v4, bits / 8)) : std::nullopt;
  return bits % 4 == 0 ? std::optional(reverse_v6(*std::get_if<Ipv6>(&network.base), bits / 4)) : std::nullopt;
}

}  // namespace idetcd::resolver
