// The settings as flags of a command line.
#pragma once

#include <initializer_list>

#include "common/configuration/load_settings.h"
#include "common/settings/setting_table.h"

namespace CLI {
class App;
}

namespace idetcd::app {

// Adds --conf and the flags of `groups` to `app`; parsing fills `given`, which must
// outlive it.
void add_flags(CLI::App& app, std::initializer_list<SettingGroup> groups, GivenFlags& given);

// Parses; on a wrong command line throws Exit, on --help and --version prints and
// returns false. Passwords in `argv` are overwritten, so that ps no longer shows them.
bool parse_command_line(CLI::App& app, int argc, char** argv);

}  // namespace idetcd::app
