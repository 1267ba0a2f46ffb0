#include "checked_pools.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "common/system/exit_status.h"
#include "encode/zone_layout.h"

namespace idetcd::resolver {
namespace {

// Checked here and not in the encoder, which does not know where a pattern was set.
void check_apart(const std::vector<app::PoolSettings>& pools, std::span<const PatternTemplate> patterns) {
  for (std::size_t i = 0; i < pools.size(); ++i) {
    for (std::size_t other = 0; other < i; ++other) {
      const auto name = common_name(patterns[other], patterns[i]);
      if (!name) continue;
      app::refuse(pools[i].origin("pattern"),
                  fmt::format("{} is also a name of {} ({}); change one of the patterns", *name, pools[other].pattern,
                              pools[other].origin("pattern").place));
    }
  }
}

bool has_zone(const app::ServerSettings& server, WireName name) {
  return std::ranges::any_of(server.keys, [&](const app::corefile::ServerKey& key) {
    const auto zone = to_wire(key.zone);
    return zone && lies_in(name, *zone);
  });
}

std::string zones_of(const app::ServerSettings& server) {
  std::string zones;
  for (const app::corefile::ServerKey& key : server.keys)
    zones += fmt::format("{}{}", zones.empty() ? "" : ", ", key.zone);
  return zones;
}

void check_zones(const app::Settings& settings, std::span<const PatternTemplate> patterns) {
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    const app::PoolSettings& pool = settings.pools[i];
    const app::ServerSettings& server = settings.servers[pool.server];
    const auto zone = to_wire(patterns[i].zone());
    if (!zone || has_zone(server, *zone)) continue;
    app::refuse(pool.origin("pattern"),
                fmt::format("the names of {} lie in {}, outside of the server block at {}, which answers for {} only; "
                            "change the pattern or the block's keys",
                            pool.pattern, patterns[i].zone(), server.place, zones_of(server)));
  }
}

std::optional<Bytes> apex_of(const std::string& reverse) {
  ZoneOptions options;
  options.reverse_zones = {reverse};
  const auto layout = make_layout(options);
  return layout ? std::optional(layout->reverse.front()) : std::nullopt;
}

}  // namespace

std::vector<PatternTemplate> check_pools(const app::Settings& settings) {
  std::vector<PatternTemplate> patterns;
  patterns.reserve(settings.pools.size());
  for (const app::PoolSettings& pool : settings.pools) patterns.push_back(app::parse_pattern(pool));
  check_apart(settings.pools, patterns);
  check_zones(settings, patterns);
  return patterns;
}

std::vector<std::string> reverse_zones_of(const app::Settings& settings, std::size_t server) {
  std::vector<std::string> zones;
  for (const std::string& reverse : settings.reverse) {
    const auto apex = apex_of(reverse);
    if (!apex || has_zone(settings.servers[server], *apex)) zones.push_back(reverse);
  }
  return zones;
}

void check_reverse_zones(const app::Settings& settings) {
  for (const std::string& reverse : settings.reverse) {
    ZoneOptions options;
    options.reverse_zones = {reverse};
    if (const auto layout = make_layout(options); !layout)
      app::refuse(settings.origin("reverse"), layout.error().message);
    const auto apex = apex_of(reverse);
    if (std::ranges::any_of(settings.servers, [&](const auto& server) { return has_zone(server, *apex); })) continue;
    app::refuse(settings.origin("reverse"),
                fmt::format("no server block answers for \"{}\"; add it to the keys of one", reverse));
  }
}

}  // namespace idetcd::resolver
