// idetcd get NAME: one name and its owner.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "common/configuration/command_line.h"
#include "common/system/exit_status.h"
#include "common/values/printable.h"
#include "output_option.h"
#include "pools/inquiry.h"
#include "pools/name_text.h"
#include "subcommand.h"

namespace idetcd::tool {
namespace {

template <class Map>
std::string pairs(const Map& map) {
  std::string text;
  for (const auto& [key, value] : map) text += fmt::format("{}{}={}", text.empty() ? "" : " ", key, value);
  return text;
}

void print_line(std::string_view title, const std::string& value) {
  if (!value.empty()) fmt::print("{:<10} {}\n", title, app::printable(value));
}

void print(const PoolName& name) {
  print_line("name", name.name);
  print_line("slot", std::to_string(name.slot));
  if (!name.malformed.empty()) print_line("unreadable", name.malformed);
  print_line("addresses", fmt::format("{}", fmt::join(addresses_of(name.record), " ")));
  print_line("node", name.record.node);
  print_line("token", std::to_string(name.token));
  print_line("lease", name.lease == 0 ? "none: the name stays until it is deleted" : hexadecimal(name.lease));
  if (name.record.ttl.count() > 0) print_line("ttl", fmt::format("{}s", name.record.ttl.count()));
  print_line("ports", pairs(name.record.ports));
  print_line("meta", pairs(name.record.meta));
}

int get(const app::GivenFlags& given, const std::string& text, bool as_json) {
  const auto pools = read_pools(open_inquiry(given));
  const FoundName found = find_name(pools, text);
  if (found.taken == nullptr) {
    fmt::print(stderr, "{} is free\n", found.pool.pattern.render(found.slot));
    return kExitNo;
  }
  as_json ? fmt::print("{}", dump(to_json(*found.taken), 2)) : print(*found.taken);
  return app::kExitOk;
}

}  // namespace

void add_get(CLI::App& program, Run& run) {
  CLI::App* command = program.add_subcommand(
      "get", "Show who has NAME, which may also be a slot's number where there is one pool. Status 1: it is free.");
  const auto given = std::make_shared<app::GivenFlags>();
  const auto name = std::make_shared<std::string>();
  const auto json = std::make_shared<bool>(false);
  command->add_option("NAME", *name, "e.g. worker4.tf.local.")->required();
  add_output(*command, *json);
  using enum app::SettingGroup;
  app::add_flags(*command, {kEtcd, kPool, kLog}, *given);
  command->callback([given, name, json, &run] { run = [given, name, json] { return get(*given, *name, *json); }; });
}

}  // namespace idetcd::tool
