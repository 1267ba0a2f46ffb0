// idetcd pools: which pools there are, and how full they are.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/configuration/command_line.h"
#include "common/system/exit_status.h"
#include "output_option.h"
#include "pools/inquiry.h"
#include "pools/name_text.h"
#include "pools/rows.h"
#include "subcommand.h"

namespace idetcd::tool {
namespace {

std::string limit_cell(const ListedPool& pool) {
  return pool.limit ? std::to_string(*pool.limit) : "-";
}

int list_pools(const app::GivenFlags& given, bool as_json) {
  const auto pools = read_pools(open_inquiry(given));
  std::vector<Row> rows{{"PATTERN", "PATH", "TAKEN", "LIMIT", "WAITING", "KEPT"}};
  auto all = nlohmann::ordered_json::array();
  for (const ListedPool& pool : pools) {
    const auto& state = pool.state;
    rows.push_back({pool.pattern.canonical(), pool.path.empty() ? "-" : pool.path, std::to_string(state.names.size()),
                    limit_cell(pool), std::to_string(state.queue.size()), std::to_string(state.holds.size())});
    all.push_back({{"pattern", pool.pattern.canonical()},
                   {"path", pool.path},
                   {"taken", state.names.size()},
                   {"limit", nullptr},
                   {"waiting", state.queue.size()},
                   {"kept", state.holds.size()}});
    if (pool.limit) all.back()["limit"] = *pool.limit;
  }
  as_json ? fmt::print("{}", dump(all, 2)) : print_rows(std::move(rows));
  return app::kExitOk;
}

}  // namespace

void add_pools(CLI::App& program, Run& run) {
  CLI::App* command = program.add_subcommand(
      "pools",
      "List the pools that flags, environment or Corefile name, else those whose nodes are found in etcd.\n"
      "KEPT counts the slots that are kept for a node which had them (sticky).");
  const auto given = std::make_shared<app::GivenFlags>();
  const auto json = std::make_shared<bool>(false);
  add_output(*command, *json);
  using enum app::SettingGroup;
  app::add_flags(*command, {kEtcd, kPool, kLog}, *given);
  command->callback([given, json, &run] { run = [given, json] { return list_pools(*given, *json); }; });
}

}  // namespace idetcd::tool
