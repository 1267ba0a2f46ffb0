// The pools of a configuration, checked against each other and against their server blocks.
#pragma once

#include <idetcd/pattern_template.h>

#include <vector>

#include "common/settings/settings.h"

namespace idetcd::resolver {

// The pattern of each pool, in their order. Throws app::Exit with the place if one cannot be read, if two
// give the same name, or if a pattern's names lie outside the zones of its server block: no
// query for them would be answered.
std::vector<PatternTemplate> check_pools(const app::Settings& settings);

// The reverse zones that server block `server` answers for: those that lie in its zones.
std::vector<std::string> reverse_zones_of(const app::Settings& settings, std::size_t server);

// Throws app::Exit if a reverse zone cannot be read, or no server block has it.
void check_reverse_zones(const app::Settings& settings);

}  // namespace idetcd::resolver
