// The resolver's configuration.
#pragma once

#include <functional>
#include <optional>

#include "common/settings/settings.h"

namespace idetcd::resolver {

struct Config {
  app::Settings settings;
  bool dev = false;                                     // run a private etcd
  std::function<std::optional<Config>()> read_again{};  // from the same sources; throws app::Exit
};

// Reads the command line, the environment and the Corefile. None after --help, --version, -plugins,
// --check and --print-config. Throws app::Exit. `argv` must live for as long as the Config.
std::optional<Config> read_config(int argc, char** argv);

}  // namespace idetcd::resolver
