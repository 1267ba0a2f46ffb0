// What the settings of the table are set to, as text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/settings/settings.h"

namespace idetcd::app {

// The values of `setting` (SettingSpec::name), in the words that set it; several for a list, none if it is
// empty. A password is "***". Precondition: the setting is not one that only a file has
// (credentials, tls), nor serve: those set others.
std::vector<std::string> setting_values(std::string_view setting, const Settings& settings, const PoolSettings& pool);

// Whether setting_values() knows it.
bool has_value(std::string_view setting);

// "10.0.0.0/8".
std::string to_string(const Network& network);

}  // namespace idetcd::app
