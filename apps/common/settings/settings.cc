#include "common/settings/settings.h"

#include "common/system/exit_status.h"

#include <fmt/format.h>

#include <algorithm>

namespace idetcd::app {
namespace {

Origin find_origin(const Origins& origins, std::string_view setting) {
  if (const auto found = origins.find(setting); found != origins.end()) return found->second;
  for (const auto& [both, part] : kSynonyms) {
    const auto found = origins.find(both);
    if (part == setting && found != origins.end()) return found->second;
  }
  return Origin{fmt::format("--{}", setting), false};
}

}  // namespace

Origin Settings::origin(std::string_view setting) const {
  return find_origin(origins, setting);
}

Origin PoolSettings::origin(std::string_view setting) const {
  return find_origin(origins, setting);
}

void refuse(const Origin& origin, std::string_view message) {
  throw Exit(origin.in_file ? kExitConfig : kExitUsage, fmt::format("{}: {}", origin.place, message));
}

const PoolSettings& only_pool(const Settings& settings) {
  if (settings.pools.size() == 1) return settings.pools.front();
  if (std::ranges::count(settings.pools, true, &PoolSettings::claim) == 1)
    return *std::ranges::find(settings.pools, true, &PoolSettings::claim);
  std::string patterns;
  for (const PoolSettings& pool : settings.pools)
    patterns += fmt::format("{}'{}'", patterns.empty() ? "" : ", ", pool.pattern);
  throw Exit(kExitUsage, fmt::format("there are several pools; choose one with --pattern: {}", patterns));
}

PatternTemplate parse_pattern(const PoolSettings& pool) {
  if (pool.pattern.empty()) {
    throw Exit(kExitUsage,
               "no pattern is set; set it, e.g. --pattern 'worker{{.ID}}.tf.local.', or give a Corefile with --conf");
  }
  auto pattern = PatternTemplate::parse(pool.pattern, pool.limit);
  if (!pattern) refuse(pool.origin(pattern.error().option), pattern.error().message);
  return std::move(*pattern);
}

}  // namespace idetcd::app
