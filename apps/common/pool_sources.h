// From what the sources said to the settings of the process and of each pool.
#pragma once

#include "settings.h"

#include <vector>

namespace idetcd::app {

// What one source said, in its order: an idetcd block, the environment, the flags.
using SettingSource = std::vector<Assignment>;

// Sets `settings`, its pools anew. Each block is a pool of its own, by its `pattern`,
// and one more by each `serve`; what environment and flags say counts for all blocks,
// and wins. Where the blocks name one pool at most, patterns said by these replace its
// own; else they choose: those pools are claimed in, all others are only served.
// Throws as refuse(): what is wrong, and what blocks contradict each other in.
void apply_sources(Settings& settings, const std::vector<SettingSource>& blocks, const SettingSource& environment,
                   const SettingSource& flags);

}  // namespace idetcd::app
