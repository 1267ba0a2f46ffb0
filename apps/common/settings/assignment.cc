#include "common/settings/assignment.h"

#include <algorithm>
#include <variant>

namespace idetcd::app {
namespace {

Status apply(const SettingSpec& spec, Settings& settings, PoolSettings& pool, SettingSpec::Arguments arguments) {
  if (const auto* for_pool = std::get_if<SettingSpec::SetForPool>(&spec.apply)) return (*for_pool)(pool, arguments);
  return std::get<SettingSpec::SetForServer>(spec.apply)(settings, arguments);
}

}  // namespace

void assign(Settings& settings, PoolSettings& pool, std::span<const Assignment> assignments) {
  for (auto it = assignments.begin(); it != assignments.end(); ++it) {
    const Assignment& assignment = *it;
    const SettingSpec& spec = *assignment.spec;
    const bool first = std::ranges::find(assignments.begin(), it, &spec, &Assignment::spec) == it;
    if (spec.split && !spec.names_pool && first) (void)apply(spec, settings, pool, {});
    const auto applied = apply(spec, settings, pool, assignment.arguments);
    if (!applied) refuse(assignment.origin, applied.error().message);
    Origins& origins = spec.of_pool() ? pool.origins : settings.origins;
    origins.insert_or_assign(std::string(spec.name), assignment.origin);
  }
}

}  // namespace idetcd::app
