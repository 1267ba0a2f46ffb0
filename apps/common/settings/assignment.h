// Assignment: one setting, given at one place.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "common/settings/setting_table.h"
#include "common/settings/settings.h"

namespace idetcd::app {

struct Assignment {
  const SettingSpec* spec = nullptr;  // never null
  std::vector<std::string> arguments;
  Origin origin;
};

// What one source gave, in its order: an idetcd block, the environment, the flags.
using SettingSource = std::vector<Assignment>;

// What belongs to the process is set in `settings`, the rest in `pool`. `assignments` are
// those of one source, and replace what an earlier source gave of the same settings. In
// order; a later assignment replaces an earlier one. Throws as refuse().
void assign(Settings& settings, PoolSettings& pool, std::span<const Assignment> assignments);

}  // namespace idetcd::app
