// The resolver's configuration.
#pragma once

#include <optional>

#include "common/settings.h"

namespace idetcd::resolver {

struct Config {
  app::Settings settings;
  bool dev = false;  // with an etcd of its own
};

// Reads the command line, the environment and the Corefile. None after --help or
// --version. Throws app::Exit.
std::optional<Config> read_config(int argc, const char* const* argv);

}  // namespace idetcd::resolver
