// idetcd ls: who has which name, and who waits for one.
#include <fmt/format.h>
#include <idetcd/pool.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/command_line.h"
#include "common/connection.h"
#include "common/exit_status.h"
#include "common/log.h"
#include "subcommand.h"

namespace idetcd::tool {
namespace {

using json = nlohmann::ordered_json;  // members as written here

std::vector<std::string> addresses_of(const Record& record) {
  std::vector<std::string> all;
  for (const Ipv4& v4 : record.ipv4) all.push_back(to_string(v4));
  for (const Ipv6& v6 : record.ipv6) all.push_back(to_string(v6));
  return all;
}

void print_table(const PoolState& pool, const PatternTemplate& pattern) {
  std::vector<std::array<std::string, 6>> lines{{"SLOT", "NAME", "NODE", "TOKEN", "LEASE", "ADDRESSES"}};
  for (const PoolName& name : pool.names) {
    const std::string& node = name.record.node;
    lines.push_back({std::to_string(name.slot), name.name, node.empty() ? "-" : node, std::to_string(name.token),
                     name.lease == 0 ? "-" : fmt::format("{:x}", static_cast<std::uint64_t>(name.lease)),
                     name.malformed.empty() ? fmt::format("{}", fmt::join(addresses_of(name.record), " "))
                                            : fmt::format("(unreadable: {})", name.malformed)});
  }
  std::array<std::size_t, 6> widths{};
  for (const auto& line : lines) {
    for (std::size_t column = 0; column + 1 < line.size(); ++column) {
      widths[column] = std::max(widths[column], line[column].size());
    }
  }
  for (const auto& line : lines) {
    std::string text;
    for (std::size_t column = 0; column < line.size(); ++column)
      text += fmt::format("{:<{}}  ", line[column], widths[column]);
    text.erase(text.find_last_not_of(' ') + 1);
    fmt::print("{}\n", text);
  }
  fmt::print("{} of {} names taken, {} waiting\n", pool.names.size(), pattern.limit(), pool.queue.size());
  for (const PoolTicket& ticket : pool.queue) {
    fmt::print("  waiting at position {}: {}\n", ticket.position, ticket.node_id);
  }
}

json to_json(const PoolName& name) {
  json out{{"slot", name.slot},
           {"name", name.name},
           {"token", name.token},
           {"lease", fmt::format("{:x}", static_cast<std::uint64_t>(name.lease))}};
  if (!name.malformed.empty()) {
    out["error"] = name.malformed;
    return out;
  }
  out["node"] = name.record.node;
  out["ttl"] = name.record.ttl.count();
  out["port"] = name.record.port;
  out["ipv4"] = json::array();
  out["ipv6"] = json::array();
  for (const Ipv4& v4 : name.record.ipv4) out["ipv4"].push_back(to_string(v4));
  for (const Ipv6& v6 : name.record.ipv6) out["ipv6"].push_back(to_string(v6));
  out["ports"] = name.record.ports;
  out["meta"] = name.record.meta;
  return out;
}

void print_json(const PoolState& pool, const PatternTemplate& pattern) {
  json out{{"pattern", pattern.canonical()},
           {"limit", pattern.limit()},
           {"revision", pool.revision},
           {"waiting", json::array()}};
  for (const PoolTicket& ticket : pool.queue) out["waiting"].push_back(ticket.node_id);
  out["slots"] = json::array();
  for (const PoolName& name : pool.names) out["slots"].push_back(to_json(name));
  // What others wrote into etcd may not be UTF-8.
  fmt::print("{}\n", out.dump(2, ' ', false, json::error_handler_t::replace));
}

int list(const app::GivenFlags& given, const std::string& format) {
  const app::Settings settings = app::load_settings(given, app::process_environment());
  const app::PoolSettings& wanted = app::only_pool(settings);
  const PatternTemplate pattern = app::parse_pattern(wanted);
  const auto etcd = app::connect_etcd(settings, app::open_log(settings.log_level));
  const auto pool = read_pool(*etcd, pattern, wanted.path);
  if (!pool) throw app::Exit(pool.error());
  if (format == "json") {
    print_json(*pool, pattern);
  } else {
    print_table(*pool, pattern);
  }
  return app::kExitOk;
}

}  // namespace

void add_ls(CLI::App& program, Run& run) {
  CLI::App* command =
      program.add_subcommand("ls", "List the names with their owners, and the nodes that wait for a name.");
  const auto given = std::make_shared<app::GivenFlags>();
  const auto format = std::make_shared<std::string>("table");
  command->add_option("-o,--output", *format, "table or json; default table")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"table", "json"}));
  using enum app::SettingGroup;
  app::add_flags(*command, {kEtcd, kPool, kLog}, *given);
  command->callback([given, format, &run] { run = [given, format] { return list(*given, *format); }; });
}

}  // namespace idetcd::tool
