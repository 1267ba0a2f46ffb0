// The resolver's configuration.
#pragma once

#include <optional>

#include "common/settings/settings.h"

namespace idetcd::resolver {

struct Config {
  app::Settings settings;
  bool dev = false;  // run a private etcd
};

// Reads the command line, the environment and the Corefile. None after --help, --version, -plugins,
// --check and --print-config. Throws app::Exit.
std::optional<Config> read_config(int argc, char** argv);

}  // namespace idetcd::resolver
