// The sources of the settings and their order: flags, then IDETCD_* in the
// environment, then ETCDCTL_ENDPOINTS, then the Corefile, then the defaults.
#pragma once

#include "settings.h"

#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace idetcd::app {

// What the command line said.
struct GivenFlags {
  std::vector<Assignment> settings;
  std::string conf;  // --conf; empty: not given
};

// Adds --conf and the flags of `groups` to `app`; parsing fills `given`, which must
// outlive it.
void add_flags(CLI::App& app, std::initializer_list<SettingGroup> groups, GivenFlags& given);

// Parses; on a wrong command line throws Exit, on --help and --version prints and
// returns false.
bool parse_command_line(CLI::App& app, int argc, const char* const* argv);

// The value of an environment variable; none if it is not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment process_environment();

// Reads all sources (the file is --conf, IDETCD_CONF, or ./Corefile if there is one)
// and checks the whole. Throws Exit, with status 78 if a file is wrong.
Settings load_settings(const GivenFlags& given, const Environment& environment);

// The settings of one Corefile text. Throws Exit; `file` names it in messages.
void apply_corefile(Settings& settings, std::string_view text, std::string_view file);

}  // namespace idetcd::app
