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
using corefile::Line;
using corefile::Statement;

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

Error unknown_property(const Line& line, std::span<const std::string_view> known) {
  const std::string suggestion = did_you_mean(line.name, known);
  return wrong_line(line, fmt::format("unknown property '{}'{}known: {}", line.name,
                                      suggestion.empty() ? "; " : suggestion + " ", fmt::join(known, " ")));
}

Error unknown_property(const Line& line, std::initializer_list<std::string_view> known) {
  return unknown_property(line, std::span(known.begin(), known.size()));
}

}  // namespace idetcd::app
