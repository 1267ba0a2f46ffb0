// idetcd render: the names that a pattern gives.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "common/configuration/command_line.h"
#include "common/configuration/load_settings.h"
#include "common/system/exit_status.h"
#include "subcommand.h"

namespace idetcd::tool {
namespace {

int render(const app::GivenFlags& given, const std::vector<SlotId>& slots) {
  const app::Settings settings = app::load_settings(given, app::process_environment());
  if (settings.pools.front().pattern.empty())
    throw app::Exit(app::kExitUsage, "set the pattern, e.g. --pattern 'worker{{.ID}}.tf.local.', or give a Corefile");
  for (const app::PoolSettings& pool : settings.pools) {
    const PatternTemplate pattern = app::parse_pattern(pool);
    for (const std::string& warning : pattern.warnings()) fmt::print(stderr, "warning: {}\n", warning);
    for (const SlotId slot : slots) {
      if (slot < 1 || slot > pattern.limit())
        throw app::Exit(app::kExitUsage, fmt::format("SLOT: {} is not one of 1 to {}", slot, pattern.limit()));
      fmt::print("{}\n", pattern.render(slot));
    }
    for (SlotId slot = 1; slots.empty() && slot <= pattern.limit(); ++slot) fmt::print("{}\n", pattern.render(slot));
  }
  return std::fflush(stdout) == 0 ? app::kExitOk : app::kExitOs;
}

}  // namespace

void add_render(CLI::App& program, Run& run) {
  CLI::App* command = program.add_subcommand(
      "render", "Print the names that a pattern gives, of all slots or of those that are named. Asks no etcd.");
  const auto given = std::make_shared<app::GivenFlags>();
  const auto slots = std::make_shared<std::vector<SlotId>>();
  command->add_option("SLOT", *slots, "e.g. 1 7");
  using enum app::SettingGroup;
  app::add_flags(*command, {kEtcd, kPool}, *given);  // of etcd, too, so that the flags of other commands do
  command->callback([given, slots, &run] { run = [given, slots] { return render(*given, *slots); }; });
}

}  // namespace idetcd::tool
