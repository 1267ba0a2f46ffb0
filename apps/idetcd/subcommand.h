// How a subcommand joins the program.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace idetcd::tool {

// The answer is no: the name is free, what was compared differs. As grep and diff have it.
inline constexpr int kExitNo = 1;
// The time that was given is over, as timeout(1) has it.
inline constexpr int kExitTimedOut = 124;

// The chosen subcommand; returns the exit status, may throw app::Exit.
using Run = std::function<int()>;

// Each adds one subcommand to `program`; parsing the command line sets `run`, which
// must outlive `program`, if that subcommand was chosen.
void add_demo(CLI::App& program, Run& run);
void add_exec(CLI::App& program, Run& run);
void add_ls(CLI::App& program, Run& run);
void add_get(CLI::App& program, Run& run);
void add_pools(CLI::App& program, Run& run);
void add_watch(CLI::App& program, Run& run);
void add_wait(CLI::App& program, Run& run);
void add_resolve(CLI::App& program, Run& run);
void add_doctor(CLI::App& program, Run& run);
void add_release(CLI::App& program, Run& run);
void add_render(CLI::App& program, Run& run);
void add_role(CLI::App& program, Run& run);
void add_version(CLI::App& program, Run& run);
void add_completion(CLI::App& program, Run& run);  // last: it speaks of all others

}  // namespace idetcd::tool
