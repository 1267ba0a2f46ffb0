#include "common/directives/directive_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "common/values/go_duration.h"
#include "common/values/suggestion.h"
#include "common/values/values.h"

namespace idetcd::app {
namespace {

using corefile::Line;
using corefile::Statement;

// A line of a block: how many arguments it has.
struct Property {
  std::string_view name;
  std::size_t min;
  std::size_t max;
  bool duration = false;  // its first argument is one
};

constexpr std::size_t kMany = 1000;

constexpr Property kOfForward[] = {{"except", 1, kMany},
                                   {"force_tcp", 0, 0},
                                   {"prefer_udp", 0, 0},
                                   {"expire", 1, 1, true},
                                   {"max_fails", 1, 1},
                                   {"max_connect_attempts", 1, 1},
                                   {"tls", 0, 3},
                                   {"tls_servername", 1, 1},
                                   {"policy", 1, 1},
                                   {"health_check", 1, 4, true},
                                   {"max_concurrent", 1, 1},
                                   {"next", 1, kMany},
                                   {"failover", 1, kMany},
                                   {"failfast_all_unhealthy_upstreams", 0, 0}};

constexpr Property kOfCache[] = {{"success", 1, 3},     {"denial", 1, 3},         {"prefetch", 1, 3},
                                 {"serve_stale", 0, 2}, {"servfail", 1, 1, true}, {"disable", 1, kMany},
                                 {"keepttl", 0, 0}};

Error unknown_among(const Line& line, std::span<const std::string_view> known) {
  return wrong_line(line,
                    fmt::format("unknown property '{}'{}known: {}", line.name,
                                did_you_mean(line.name, known).empty() ? "; " : did_you_mean(line.name, known) + " ",
                                fmt::join(known, " ")));
}

Status check_properties(const Statement& statement, std::span<const Property> properties) {
  std::vector<std::string_view> known;
  for (const Property& property : properties) known.push_back(property.name);
  for (const Line& line : statement.block) {
    const auto property = std::ranges::find(properties, line.name, &Property::name);
    if (property == properties.end()) return unknown_among(line, known);
    if (auto count = check_arguments(line, property->min, property->max); !count) return count;
    if (!property->duration) continue;
    if (auto duration = parse_go_duration(line.arguments[0]); !duration)
      return wrong_line(line, duration.error().message);
  }
  return {};
}

Status check_forward(const Statement& statement) {
  if (auto count = check_arguments(statement.head, 2, kMany); !count)
    return wrong_line(statement.head, "write `forward FROM TO...`, e.g. `forward . /etc/resolv.conf`");
  return check_properties(statement, kOfForward);
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

Status check_cache(const Statement& statement) {
  constexpr unsigned kMaxTtl = 1'000'000'000;
  const auto& arguments = statement.head.arguments;
  if (!arguments.empty() && is_number(arguments[0])) {
    const auto ttl = parse_count(arguments[0], kMaxTtl);
    if (!ttl || *ttl == 0)
      return wrong_line(statement.head, fmt::format("the TTL is {}; expected 1 or more", arguments[0]));
  }
  return check_properties(statement, kOfCache);
}

Status check_reload(const Statement& statement) {
  if (auto none = check_no_block(statement); !none) return none;
  if (auto count = check_arguments(statement.head, 0, 2); !count) return count;
  for (const std::string& each : statement.head.arguments) {
    if (auto duration = parse_go_duration(each); !duration) return wrong_line(statement.head, duration.error().message);
  }
  return {};
}

}  // namespace

Error wrong_line(const Line& line, std::string_view text) {
  return {ErrorCode::kInvalidArgument, fmt::format("{}: {}: {}", line.place(), line.name, text)};
}

Status check_arguments(const Line& line, std::size_t min, std::size_t max) {
  const std::size_t count = line.arguments.size();
  if (count >= min && count <= max) return {};
  if (count < min) return wrong_line(line, "an argument is missing");
  if (max == 0) return wrong_line(line, fmt::format("takes no argument; remove \"{}\"", line.arguments[0]));
  return wrong_line(line,
                    fmt::format("{} arguments, at most {} expected; remove \"{}\"", count, max, line.arguments[max]));
}

Status check_no_block(const Statement& statement) {
  if (!statement.has_block || statement.block.empty()) return {};
  return wrong_line(statement.block.front(),
                    fmt::format("{} has no block; remove it with its braces", statement.head.name));
}

Error unknown_property(const Line& line, std::initializer_list<std::string_view> known) {
  return unknown_among(line, std::span(known.begin(), known.size()));
}

Status check_unbuilt(const Statement& statement) {
  const std::string& name = statement.head.name;
  if (name == "forward") return check_forward(statement);
  if (name == "cache") return check_cache(statement);
  if (name == "reload") return check_reload(statement);
  return {};
}

}  // namespace idetcd::app
