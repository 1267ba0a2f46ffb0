#include "common/directives/corefile.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/corefile/imports.h"
#include "common/corefile/parser.h"
#include "common/directives/directive_table.h"

namespace idetcd::app {
namespace {

using Problems = std::vector<std::string>;

CorefileServer read_server(const corefile::ServerBlock& block, Problems& problems) {
  CorefileServer server{block.keys.front().place(), {}, {}};
  for (const corefile::Token& token : block.keys) {
    const auto keys = corefile::parse_server_key(token.text);
    if (!keys) problems.push_back(corefile::problem_at(token, keys.error().message).message);
    if (keys) server.keys.insert(server.keys.end(), keys->begin(), keys->end());
  }
  for (const corefile::Directive& directive : block.directives) {
    if (find_directive(directive.name.text) == nullptr) {
      problems.push_back(corefile::problem_at(directive.name, unknown_directive(directive.name.text)).message);
      continue;
    }
    auto statement = corefile::read_statement(directive);
    if (statement && directive.name.text == "idetcd" && !statement->head.arguments.empty())
      problems.push_back(
          corefile::problem_at(directive.name, fmt::format("idetcd takes no argument but has \"{}\"; write "
                                                           "`idetcd {{`",
                                                           statement->head.arguments[0]))
              .message);
    if (statement)
      server.directives.push_back(std::move(*statement));
    else
      problems.push_back(statement.error().message);
  }
  return server;
}

bool has_idetcd(const CorefileServer& server) {
  return std::ranges::any_of(server.directives, [](const auto& each) { return each.head.name == "idetcd"; });
}

std::string lines_of(const Problems& problems) {
  return fmt::format("{}", fmt::join(problems, "\n"));
}

}  // namespace

Result<Corefile> parse_corefile(std::string_view text, std::string_view file, const Environment& environment) {
  if (text.size() > corefile::kMaxFileBytes)
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("{}:1: the file is larger than {} bytes", file, corefile::kMaxFileBytes)};
  const corefile::Document document = corefile::parse(text, file, environment);
  Corefile corefile{{}, document.warnings};
  Problems problems;
  for (const corefile::ServerBlock& block : document.blocks) corefile.servers.push_back(read_server(block, problems));
  // A brace in a wrong place leaves one too few or too many: then only the cause is told.
  if (document.problem && (!document.braces || problems.empty())) problems.push_back(document.problem->message);
  if (problems.empty() && corefile.servers.empty())
    problems.push_back(fmt::format("{}:1: the file is empty; expected a server block, e.g. `. {{`", file));
  if (problems.empty() && std::ranges::none_of(corefile.servers, has_idetcd))
    problems.push_back(fmt::format("{}: the server block opened here has no idetcd block{}", corefile.servers[0].place,
                                   corefile.servers.size() > 1 ? ", nor has any other" : ""));
  if (!problems.empty()) return Error{ErrorCode::kInvalidArgument, lines_of(problems)};
  return corefile;
}

}  // namespace idetcd::app
