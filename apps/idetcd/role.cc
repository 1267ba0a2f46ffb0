// idetcd role: the permissions that a pool needs, as commands for etcdctl.
#include <fmt/format.h>
#include <idetcd/pool.h>
#include <CLI/CLI.hpp>

#include <memory>
#include <string>
#include <string_view>

#include "common/configuration/command_line.h"
#include "common/configuration/load_settings.h"
#include "common/system/exit_status.h"
#include "subcommand.h"

namespace idetcd::tool {
namespace {

// For a POSIX shell.
std::string shell_quoted(std::string_view text) {
  std::string all = "'";
  for (const char c : text) c == '\'' ? all += "'\\''" : all += c;
  return all + "'";
}

int print_role(const app::GivenFlags& given, const std::string& role, bool only_read) {
  const app::Settings settings = app::load_settings(given, app::process_environment());
  if (settings.pools.front().pattern.empty())
    throw app::Exit(app::kExitUsage, "set the pattern, e.g. --pattern 'worker{{.ID}}.tf.local.', or give a Corefile");
  fmt::print("etcdctl role add {}\n", shell_quoted(role));
  for (const app::PoolSettings& pool : settings.pools) {
    for (const KeyRange& keys : pool_keys(app::parse_pattern(pool), pool.path)) {
      fmt::print("etcdctl role grant-permission {} {} {} {}\n", shell_quoted(role),
                 only_read || !pool.claim ? "read" : "readwrite", shell_quoted(keys.begin), shell_quoted(keys.end));
    }
  }
  return app::kExitOk;
}

}  // namespace

void add_role(CLI::App& program, Run& run) {
  CLI::App* command = program.add_subcommand(
      "role", "Print the etcdctl commands that make a role with the permissions which the pools need. Asks no etcd.");
  const auto given = std::make_shared<app::GivenFlags>();
  const auto role = std::make_shared<std::string>("idetcd");
  const auto only_read = std::make_shared<bool>(false);
  command->add_option("--role", *role, "its name; default idetcd")->type_name("NAME");
  command->add_flag("--read-only", *only_read, "for nodes that only serve names, and for idetcd ls");
  using enum app::SettingGroup;
  app::add_flags(*command, {kPool}, *given);
  command->callback([given, role, only_read, &run] {
    run = [given, role, only_read] { return print_role(*given, *role, *only_read); };
  });
}

}  // namespace idetcd::tool
