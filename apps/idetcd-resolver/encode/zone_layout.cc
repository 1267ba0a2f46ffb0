#include "encode/zone_layout.h"

#include <algorithm>

namespace idetcd::resolver {
namespace {

Error wrong(std::string message) {
  return {ErrorCode::kInvalidArgument, std::move(message)};
}

Result<Bytes> zone_of(const PatternTemplate& pattern) {
  if (auto zone = to_wire(pattern.zone())) return *zone;
  return wrong("pattern " + pattern.canonical() + ": its zone \"" + std::string(pattern.zone()) +
               "\" is not a domain name");
}

Error wrong_reverse(const std::string& text, const std::string& why) {
  return {ErrorCode::kInvalidArgument, "reverse zone \"" + text + "\": " + why, "reverse"};
}

Result<Bytes> reverse_apex(const std::string& text) {
  if (text.find('/') != std::string::npos) {
    const auto network = parse_network(text);
    if (!network) return wrong_reverse(text, network.error().message);
    if (auto zone = reverse_zone(*network)) return *zone;
    return wrong_reverse(text, "the prefix must be whole labels: /8, /16 or /24 for IPv4, a multiple of 4 for IPv6");
  }
  const auto zone = to_wire(text);
  if (zone && (lies_in(*zone, *to_wire("in-addr.arpa.")) || lies_in(*zone, *to_wire("ip6.arpa.")))) return *zone;
  return wrong_reverse(text, "not a reverse zone; expected e.g. 10.in-addr.arpa. or 10.0.0.0/8");
}

Status check_names(const ZoneLayout& layout) {
  for (std::size_t i = 0; i < layout.pools.size(); ++i) {
    const PatternTemplate& pattern = layout.pools[i].pattern;
    for (std::size_t j = 0; j < i; ++j) {
      if (const auto name = common_name(layout.pools[j].pattern, pattern))
        return wrong("patterns " + layout.pools[j].pattern.canonical() + " and " + pattern.canonical() +
                     " both render " + *name + "; change one of them");
    }
    for (const Bytes& apex : layout.apexes) {
      const std::string server = std::string(kNameserverLabel) + "." + (apex.size() == 1 ? "" : to_text(apex));
      if (pattern.match(server) || pattern.match(to_text(apex)))
        return wrong("pattern " + pattern.canonical() + " renders " + server + " or " + to_text(apex) +
                     ", which the zone itself needs; change the pattern");
    }
    for (const ZoneLayout::Pool& pool : layout.pools) {
      if (pool.pool_name && pattern.match(to_text(*pool.pool_name)))
        return wrong("pool name " + to_text(*pool.pool_name) + " is also a name of pattern " + pattern.canonical());
    }
  }
  return {};
}

Result<std::optional<Bytes>> pool_name_of(const PoolOptions& options, const Bytes& zone) {
  if (options.pool_name.empty()) return std::optional<Bytes>();
  const auto name = to_wire(options.pool_name);
  if (!name || *name == zone || !lies_in(*name, zone))
    return wrong("pool name \"" + options.pool_name + "\" must lie below its zone " + to_text(zone));
  return std::optional(*name);
}

}  // namespace

bool ZoneLayout::keeps_reverse(WireName name) const noexcept {
  return std::any_of(reverse.begin(), reverse.end(), [&](const Bytes& apex) { return lies_in(name, apex); });
}

std::optional<std::string> common_name(const PatternTemplate& left, const PatternTemplate& right) {
  if (left.max_name() < right.min_name() || right.max_name() < left.min_name()) return std::nullopt;
  const PatternTemplate& fewer = left.limit() <= right.limit() ? left : right;
  const PatternTemplate& more = left.limit() <= right.limit() ? right : left;
  for (SlotId id = 1; id <= fewer.limit(); ++id)
    if (more.match(fewer.render(id))) return std::string(fewer.render(id));
  return std::nullopt;
}

Result<ZoneLayout> make_layout(const ZoneOptions& options) {
  ZoneLayout layout;
  std::vector<Bytes> zones;
  for (const PoolOptions& pool : options.pools) {
    auto zone = zone_of(pool.pattern);
    if (!zone) return zone.error();
    auto name = pool_name_of(pool, *zone);
    if (!name) return name.error();
    layout.pools.push_back({pool.pattern, 0, *name});
    zones.push_back(*zone);
  }
  layout.apexes = zones;
  for (const std::string& text : options.reverse_zones) {
    auto zone = reverse_apex(text);
    if (!zone) return zone.error();
    layout.reverse.push_back(*zone);
    layout.apexes.push_back(*zone);
  }
  std::sort(layout.apexes.begin(), layout.apexes.end(), [](const Bytes& left, const Bytes& right) {
    return left.size() != right.size() ? left.size() > right.size() : left < right;
  });
  layout.apexes.erase(std::unique(layout.apexes.begin(), layout.apexes.end()), layout.apexes.end());
  for (std::size_t i = 0; i < zones.size(); ++i) {
    const auto at = std::find(layout.apexes.begin(), layout.apexes.end(), zones[i]);
    layout.pools[i].zone = static_cast<std::size_t>(at - layout.apexes.begin());
  }
  if (auto names = check_names(layout); !names) return names.error();
  return layout;
}

}  // namespace idetcd::resolver
