#include "common/directives/query_log_directive.h"

#include <fmt/format.h>

#include "common/directives/directive_checks.h"

namespace idetcd::app {
namespace {

using corefile::Line;

Status add_class(const Line& line, const std::string& name, QueryLogRule& classes) {
  const bool all = name == "all";
  if (!all && name != "success" && name != "denial" && name != "error")
    return wrong_line(line, fmt::format("unknown class \"{}\"; expected all, success, denial or error", name));
  classes.success = classes.success || all || name == "success";
  classes.denial = classes.denial || all || name == "denial";
  classes.error = classes.error || all || name == "error";
  return {};
}

}  // namespace

Result<std::vector<QueryLogRule>> read_query_log_rules(const corefile::Statement& statement) {
  QueryLogRule like;
  std::vector<std::string> zones = statement.head.arguments;
  // As CoreDNS: a single argument is a zone.
  if (zones.size() > 1 && zones.back().find('{') != std::string::npos) {
    like.format = zones.back();
    zones.pop_back();
  }
  for (const Line& line : statement.block) {
    if (line.name != "class") return unknown_property(line, {"class"});
    if (line.arguments.empty())
      return wrong_line(line, "an argument is missing; expected all, success, denial or error");
    for (const std::string& name : line.arguments) {
      if (auto added = add_class(line, name, like); !added) return added.error();
    }
  }
  if (!like.success && !like.denial && !like.error) like.success = like.denial = like.error = true;
  if (zones.empty()) zones.emplace_back(".");
  std::vector<QueryLogRule> rules;
  for (const std::string& text : zones) {
    const auto read = corefile::parse_zone(text);
    if (!read) return wrong_line(statement.head, read.error().message);
    for (const std::string& zone : *read) {
      rules.push_back(like);
      rules.back().zone = zone;
    }
  }
  return rules;
}

}  // namespace idetcd::app
