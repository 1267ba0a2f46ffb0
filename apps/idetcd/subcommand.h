// How a subcommand joins the program.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace idetcd::tool {

// The chosen subcommand; returns the exit status, may throw app::Exit.
using Run = std::function<int()>;

// Each adds one subcommand to `program`; parsing the command line sets `run`, which
// must outlive `program`, if that subcommand was chosen.
void add_demo(CLI::App& program, Run& run);
void add_ls(CLI::App& program, Run& run);
void add_exec(CLI::App& program, Run& run);

}  // namespace idetcd::tool
