// idetcd: the companion of the resolver, one file for each subcommand.
#include <fmt/format.h>
#include <idetcd/version.h>
#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdio>
#include <exception>
#include <new>
#include <system_error>

#include "common/configuration/command_line.h"
#include "common/system/exit_status.h"
#include "subcommand.h"

namespace app = idetcd::app;

namespace {

int run_program(int argc, char** argv) {
  idetcd::tool::Run run;
  CLI::App program{"Names for the nodes of a cluster, claimed in etcd.", "idetcd"};
  program.set_version_flag("--version", "idetcd " IDETCD_VERSION);
  program.require_subcommand(0, 1);
  program.footer(
      fmt::format("Examples:\n"
                  "  idetcd demo\n"
                  "  idetcd ls --pattern 'worker{{{{.ID}}}}.tf.local.' --limit 5\n"
                  "  idetcd exec --pattern 'worker{{{{.ID}}}}.tf.local.' -- sh -c 'echo I am $IDETCD_NAME'\n"
                  "\n"
                  "See `idetcd SUBCOMMAND --help` for details.\n\n{}",
                  app::kExitStatusHelp));
  namespace tool = idetcd::tool;
  for (const auto add : {tool::add_demo, tool::add_exec, tool::add_ls, tool::add_get, tool::add_pools, tool::add_watch,
                         tool::add_wait, tool::add_resolve, tool::add_doctor, tool::add_release, tool::add_render,
                         tool::add_role, tool::add_version, tool::add_completion})
    add(program, run);
  if (!app::parse_command_line(program, argc, argv)) return app::kExitOk;
  if (run) return run();
  fmt::print(stderr, "{}", program.help());
  return app::kExitUsage;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader of our output that ends does not end us
  try {
    return run_program(argc, argv);
  } catch (const app::Exit& exit) {
    return app::report_exit("idetcd", exit);
  } catch (const std::system_error& failure) {
    if (failure.code() == std::errc::broken_pipe) return 128 + SIGPIPE;  // as the signal would have ended it
    return app::report_exit("idetcd", app::Exit(app::kExitOs, failure.what()));
  } catch (const std::bad_alloc&) {
    return app::report_exit("idetcd", app::Exit(app::kExitOs, "out of memory; raise its limit (ulimit -v)"));
  } catch (const std::exception& failure) {
    return app::report_exit("idetcd", app::Exit(app::kExitInternal, failure.what()));
  }
}
