// idetcd ls: who has which name, and who waits for one.
#include <fmt/format.h>
#include <idetcd/pool.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/child_process.h"
#include "common/command_line.h"
#include "common/connection.h"
#include "common/exit_status.h"
#include "common/load_settings.h"
#include "common/log.h"
#include "pool_discovery.h"
#include "pool_listing.h"
#include "subcommand.h"

namespace idetcd::tool {
namespace {

template <class T>
T value_or_exit(Result<T> result) {
  if (!result) throw app::Exit(result.error());
  return std::move(*result);
}

// With the limit that was set, or else the one that can be seen.
ListedPool list_pool(Etcd& etcd, const app::PoolSettings& pool, const LogSink& log) {
  PatternTemplate pattern = app::parse_pattern(pool);
  PoolState state = value_or_exit(read_pool(etcd, pattern, pool.path));
  if (pool.origins.contains("limit") || pool.origins.contains("serve")) {
    for (const std::string& warning : limit_warnings(state, pool.limit)) log(LogLevel::kWarning, warning);
    return {pool.path, std::move(pattern), pool.limit, std::move(state)};
  }
  if (const SlotId seen = limit_seen(state); seen > pattern.limit()) {
    app::PoolSettings larger = pool;
    larger.limit = seen;
    pattern = app::parse_pattern(larger);
    state = value_or_exit(read_pool(etcd, pattern, pool.path));
  }
  std::optional<SlotId> limit;
  if (!state.queue.empty() && state.queue.front().limit != 0) {
    limit = state.queue.front().limit;
    for (const std::string& warning : limit_warnings(state, *limit)) log(LogLevel::kWarning, warning);
  }
  return {pool.path, std::move(pattern), limit, std::move(state)};
}

// Those that were set: of a choice with --pattern only the chosen ones.
std::vector<app::PoolSettings> pools_of(const app::Settings& settings) {
  std::vector<app::PoolSettings> pools = settings.pools;
  const auto chosen = [](const app::PoolSettings& pool) {
    return pool.claim && pool.origins.contains("pattern") && !pool.origins.find("pattern")->second.in_file;
  };
  if (std::ranges::any_of(pools, chosen)) std::erase_if(pools, [](const auto& pool) { return !pool.claim; });
  return pools;
}

std::vector<app::PoolSettings> pools_in_etcd(Etcd& etcd, const app::PoolSettings& like) {
  std::vector<app::PoolSettings> pools;
  for (const FoundPool& found : value_or_exit(find_pools(etcd))) {
    if (!found.path.starts_with(like.path) || !PatternTemplate::parse(found.pattern, 1)) continue;
    pools.push_back(like);
    pools.back().path = found.path;
    pools.back().pattern = found.pattern;
  }
  if (pools.empty())
    throw app::Exit(app::kExitUsage,
                    "no pattern is set, and no node of a pool is in this etcd; set one, e.g. --pattern "
                    "'worker{{.ID}}.tf.local.', or give a Corefile with --conf");
  return pools;
}

int list(const app::GivenFlags& given, ListFormat format) {
  const app::Settings settings = app::load_settings(given, app::process_environment());
  const LogSink log = app::open_log(settings.log_level, settings.log_format);
  for (const std::string& warning : app::unknown_variables(app::current_environment()))
    log(LogLevel::kWarning, warning);
  const bool told = !settings.pools.front().pattern.empty();
  if (told) {
    for (const app::PoolSettings& pool : settings.pools) (void)app::parse_pattern(pool);  // before etcd is asked
  }
  const auto etcd = app::connect_etcd(settings, log);
  std::vector<ListedPool> listed;
  for (const app::PoolSettings& pool : told ? pools_of(settings) : pools_in_etcd(*etcd, settings.pools.front()))
    listed.push_back(list_pool(*etcd, pool, log));
  print_pools(listed, format, told && listed.size() == 1);
  return app::kExitOk;
}

}  // namespace

void add_ls(CLI::App& program, Run& run) {
  CLI::App* command = program.add_subcommand(
      "ls",
      "List the names with their owners, and the nodes that wait for a name: of the pools that flags, environment\n"
      "or Corefile name, else of every pool whose nodes are found in etcd.");
  const auto given = std::make_shared<app::GivenFlags>();
  const auto format = std::make_shared<ListFormat>(ListFormat::kTable);
  const std::map<std::string, ListFormat> formats{{"table", ListFormat::kTable}, {"wide", ListFormat::kWide},
                                                  {"json", ListFormat::kJson},   {"jsonl", ListFormat::kJsonLines},
                                                  {"name", ListFormat::kNames},  {"hosts", ListFormat::kHosts}};
  command
      ->add_option("-o,--output", *format,
                   "table, wide, json, jsonl (a line for each name), name or hosts (as hosts(5)); default table")
      ->type_name("FORMAT")
      ->transform(CLI::CheckedTransformer(formats));
  using enum app::SettingGroup;
  app::add_flags(*command, {kEtcd, kPool, kLog}, *given);
  command->callback([given, format, &run] { run = [given, format] { return list(*given, *format); }; });
}

}  // namespace idetcd::tool
