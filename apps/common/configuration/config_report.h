// The configuration as it counts, for people and programs: each value with where it was set.
#pragma once

#include <string>

#include "common/settings/settings.h"

namespace idetcd::app {

// Both show all settings, the defaults among them, each pool and each server block. Passwords are masked.
std::string config_as_text(const Settings& settings);
std::string config_as_json(const Settings& settings);

// One line: what a daemon with this configuration claims and serves, and where.
std::string config_summary(const Settings& settings);

}  // namespace idetcd::app
