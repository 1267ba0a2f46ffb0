#include "pools/pool_listing.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <vector>

#include "common/values/printable.h"
#include "pools/name_text.h"
#include "pools/rows.h"

namespace idetcd::tool {
namespace {

using json = nlohmann::ordered_json;  // members as written here

std::string addresses_cell(const PoolName& name) {
  if (!name.malformed.empty()) return fmt::format("(unreadable: {})", name.malformed);
  return fmt::format("{}", fmt::join(addresses_of(name.record), " "));
}

template <class Map>
std::string pairs_cell(const Map& map) {
  std::string text;
  for (const auto& [key, value] : map) text += fmt::format("{}{}={}", text.empty() ? "" : " ", key, value);
  return text.empty() ? "-" : text;
}

Row narrow_row(const PoolName& name) {
  const std::string& node = name.record.node;
  return {std::to_string(name.slot), name.name, node.empty() ? "-" : node, addresses_cell(name)};
}

Row wide_row(const PoolName& name) {
  Row row = narrow_row(name);
  const std::string ttl = name.malformed.empty() ? fmt::format("{}s", name.record.ttl.count()) : "-";
  row.insert(row.end() - 1, {std::to_string(name.token), name.lease == 0 ? "-" : hexadecimal(name.lease), ttl,
                             pairs_cell(name.record.ports), pairs_cell(name.record.meta)});
  return row;
}

void print_table(const ListedPool& pool, bool wide) {
  std::vector<Row> rows{wide ? Row{"SLOT", "NAME", "NODE", "TOKEN", "LEASE", "TTL", "PORTS", "META", "ADDRESSES"}
                             : Row{"SLOT", "NAME", "NODE", "ADDRESSES"}};
  for (const PoolName& name : pool.state.names) rows.push_back(wide ? wide_row(name) : narrow_row(name));
  print_rows(rows);
  fmt::print("{}{} names taken, {} waiting\n", pool.state.names.size(),
             pool.limit ? fmt::format(" of {}", *pool.limit) : "", pool.state.queue.size());
  for (const PoolTicket& ticket : pool.state.queue)
    fmt::print("  waiting at position {}: {}\n", ticket.position, app::printable(ticket.node_id));
}

json pool_json(const ListedPool& pool) {
  json out{{"pattern", pool.pattern.canonical()}, {"path", pool.path}, {"limit", nullptr}};
  if (pool.limit) out["limit"] = *pool.limit;
  out["revision"] = pool.state.revision;
  out["waiting"] = json::array();
  for (const PoolTicket& ticket : pool.state.queue) out["waiting"].push_back(ticket.node_id);
  out["slots"] = json::array();
  for (const PoolName& name : pool.state.names) out["slots"].push_back(to_json(name));
  return out;
}

void print_json(std::span<const ListedPool> pools, bool single) {
  if (single) return fmt::print("{}", dump(pool_json(pools.front()), 2));
  json all = json::array();
  for (const ListedPool& pool : pools) all.push_back(pool_json(pool));
  fmt::print("{}", dump(all, 2));
}

void print_json_lines(const ListedPool& pool) {
  for (const PoolName& name : pool.state.names) {
    json line{{"pattern", pool.pattern.canonical()}, {"path", pool.path}};
    line.update(to_json(name));
    fmt::print("{}", dump(line, -1));
  }
}

// As hosts(5).
void print_hosts(const ListedPool& pool) {
  for (const PoolName& name : pool.state.names) {
    const std::string_view host = std::string_view(name.name).substr(0, name.name.size() - 1);
    for (const std::string& address : addresses_of(name.record)) fmt::print("{}\t{}\n", address, host);
  }
}

}  // namespace

void print_pools(std::span<const ListedPool> pools, ListFormat format, bool single) {
  if (format == ListFormat::kJson) return print_json(pools, single);
  const bool table = format == ListFormat::kTable || format == ListFormat::kWide;
  for (const ListedPool& pool : pools) {
    const bool first = &pool == &pools.front();
    if (table && !single)
      fmt::print("{}{}{}\n", first ? "" : "\n", app::printable(pool.path), app::printable(pool.pattern.canonical()));
    if (table) print_table(pool, format == ListFormat::kWide);
    if (format == ListFormat::kJsonLines) print_json_lines(pool);
    if (format == ListFormat::kHosts) print_hosts(pool);
    if (format != ListFormat::kNames) continue;
    for (const PoolName& name : pool.state.names) fmt::print("{}\n", name.name);
  }
}

}  // namespace idetcd::tool
