// From what the sources give to the settings of the process and of each pool.
#pragma once

#include <cstddef>
#include <vector>

#include "common/settings/assignment.h"

namespace idetcd::app {

// Sets `settings` and replaces its pools. Each block is a pool, by its `pattern`, and one
// more by each `serve`. Environment and flags apply to all blocks, and win over them.
// Where the blocks have one pool at most, patterns of environment or flags replace its
// own; else they choose: those pools are claimed in, all others are only served.
// Throws as refuse() where a value is wrong or blocks contradict each other.
// `servers`: for each block, the server block that it is in; empty: all are in the first.
void apply_sources(Settings& settings, const std::vector<SettingSource>& blocks, const SettingSource& environment,
                   const SettingSource& flags, const std::vector<std::size_t>& servers = {});

}  // namespace idetcd::app
