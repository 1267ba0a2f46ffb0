// idetcd ls: who has which name, and who waits for one.
#include <fmt/format.h>
#include <idetcd/etcd.h>
#include <idetcd/record.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/connection.h"
#include "common/exit_status.h"
#include "common/log.h"
#include "common/options.h"
#include "subcommand.h"

namespace idetcd::tool {
namespace {

using json = nlohmann::ordered_json;  // members as written here

constexpr std::int64_t kPage = 5000;  // keys in one answer, well below gRPC's limit on messages

struct Row {
  SlotId slot = 0;
  std::string name;
  Record record;
  Revision token = 0;
  LeaseId lease = 0;
  std::string problem;  // why the record can not be read; empty: it can
};

struct Listing {
  std::vector<Row> rows;             // by slot
  std::vector<std::string> waiting;  // node ids, the next one first
  Revision revision = 0;
};

// All keys of a range as of one revision, page by page.
std::vector<KeyValue> read_all(Etcd& etcd, KeyRange keys, SortBy sort, Revision& revision) {
  std::vector<KeyValue> all;
  RangeRequest request{.keys = std::move(keys), .revision = revision, .limit = kPage, .sort = sort};
  while (true) {
    auto page = etcd.range(request, {});
    if (!page) throw app::Exit(page.error());
    if (revision == 0) request.revision = revision = page->header.revision;
    const bool more = page->more && !page->kvs.empty();
    if (more) request.keys.begin = page->kvs.back().key + '\0';
    std::ranges::move(page->kvs, std::back_inserter(all));
    if (!more) return all;
  }
}

Row read_row(const KeyValue& kv, SlotId slot, const PatternTemplate& pattern) {
  Row row{.slot = slot,
          .name = std::string(pattern.render(slot)),
          .record = {},
          .token = kv.mod_revision,
          .lease = kv.lease,
          .problem = {}};
  auto record = parse_record(kv.value);
  if (!record) {
    row.problem = record.error().message;
    return row;
  }
  row.record = std::move(*record);
  if (row.record.token != 0) row.token = row.record.token;
  return row;
}

// The keys are as README.md, "Keys and records", tells them.
Listing read_listing(Etcd& etcd, const PatternTemplate& pattern, const std::string& path) {
  Listing listing;
  const KeyRange records{path + std::string(pattern.min_name()), path + std::string(pattern.max_name()) + '\0'};
  for (const KeyValue& kv : read_all(etcd, records, SortBy::kKey, listing.revision)) {
    const auto slot = pattern.match(std::string_view(kv.key).substr(path.size()));
    if (slot) listing.rows.push_back(read_row(kv, *slot, pattern));
  }
  std::ranges::sort(listing.rows, {}, &Row::slot);

  const std::string queue = fmt::format("/idetcd/{}{}/queue/", path, pattern.canonical());
  auto tickets = read_all(etcd, KeyRange::prefix(queue), SortBy::kKey, listing.revision);
  std::ranges::sort(tickets, {}, &KeyValue::create_revision);
  for (const KeyValue& ticket : tickets) listing.waiting.push_back(ticket.key.substr(queue.size()));
  return listing;
}

std::vector<std::string> addresses_of(const Record& record) {
  std::vector<std::string> all;
  for (const Ipv4& v4 : record.ipv4) all.push_back(to_string(v4));
  for (const Ipv6& v6 : record.ipv6) all.push_back(to_string(v6));
  return all;
}

void print_table(const Listing& listing, const PatternTemplate& pattern) {
  std::vector<std::array<std::string, 6>> lines{{"SLOT", "NAME", "NODE", "TOKEN", "LEASE", "ADDRESSES"}};
  for (const Row& row : listing.rows) {
    const std::string& node = row.record.node;
    lines.push_back({std::to_string(row.slot), row.name, node.empty() ? "-" : node, std::to_string(row.token),
                     row.lease == 0 ? "-" : fmt::format("{:x}", static_cast<std::uint64_t>(row.lease)),
                     row.problem.empty() ? fmt::format("{}", fmt::join(addresses_of(row.record), " "))
                                         : fmt::format("(unreadable: {})", row.problem)});
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
  fmt::print("{} of {} names taken, {} waiting\n", listing.rows.size(), pattern.limit(), listing.waiting.size());
  for (std::size_t place = 0; place < listing.waiting.size(); ++place) {
    fmt::print("  waiting at place {}: {}\n", place + 1, listing.waiting[place]);
  }
}

json to_json_row(const Row& row) {
  json out{{"slot", row.slot},
           {"name", row.name},
           {"token", row.token},
           {"lease", fmt::format("{:x}", static_cast<std::uint64_t>(row.lease))}};
  if (!row.problem.empty()) {
    out["error"] = row.problem;
    return out;
  }
  out["node"] = row.record.node;
  out["ttl"] = row.record.ttl.count();
  out["port"] = row.record.port;
  out["ipv4"] = json::array();
  out["ipv6"] = json::array();
  for (const Ipv4& v4 : row.record.ipv4) out["ipv4"].push_back(to_string(v4));
  for (const Ipv6& v6 : row.record.ipv6) out["ipv6"].push_back(to_string(v6));
  out["ports"] = row.record.ports;
  out["meta"] = row.record.meta;
  return out;
}

void print_json(const Listing& listing, const PatternTemplate& pattern) {
  json out{{"pattern", pattern.canonical()},
           {"limit", pattern.limit()},
           {"revision", listing.revision},
           {"waiting", listing.waiting}};
  out["slots"] = json::array();
  for (const Row& row : listing.rows) out["slots"].push_back(to_json_row(row));
  // What others wrote into etcd may not be UTF-8.
  fmt::print("{}\n", out.dump(2, ' ', false, json::error_handler_t::replace));
}

int list(const app::GivenFlags& given, const std::string& format) {
  const app::Settings settings = app::load_settings(given, app::process_environment());
  const app::PoolSettings& pool = app::only_pool(settings);
  const PatternTemplate pattern = app::parse_pattern(pool);
  const auto etcd = app::connect_etcd(settings, app::open_log(settings.log_level));
  const Listing listing = read_listing(*etcd, pattern, pool.path);
  if (format == "json") {
    print_json(listing, pattern);
  } else {
    print_table(listing, pattern);
  }
  return app::kExitOk;
}

}  // namespace

void add_ls(CLI::App& program, Run& run) {
  CLI::App* command = program.add_subcommand("ls", "Show who has which name, and who waits for one.");
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
