#include "common/directives/acl_directive.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "common/corefile/server_key.h"
#include "common/directives/directive_checks.h"
#include "common/values/ascii.h"
#include "common/values/rr_types.h"

namespace idetcd::app {
namespace {

using corefile::Line;

constexpr std::array<std::pair<std::string_view, AclAction>, 4> kActions{{{"allow", AclAction::kAllow},
                                                                          {"block", AclAction::kBlock},
                                                                          {"filter", AclAction::kFilter},
                                                                          {"drop", AclAction::kDrop}}};

bool begins_section(std::string_view word) {
  return to_lower(word) == "type" || to_lower(word) == "net";
}

Status add_type(const Line& line, const std::string& word, AclPolicy& policy) {
  const auto type = parse_rr_type(word);
  if (!type) return wrong_line(line, fmt::format("unexpected token \"{}\"; expect legal QTYPE", word));
  policy.types.push_back(*type);
  return {};
}

Status add_network(const Line& line, const std::string& word, AclPolicy& policy) {
  const auto network = parse_network(word);
  if (!network) return wrong_line(line, network.error().message);
  policy.networks.push_back(*network);
  return {};
}

// "type A AAAA net 10.0.0.0/8"; * is everything, whatever else is given.
Status read_sections(const Line& line, AclPolicy& policy) {
  std::string section;
  bool all_types = false;
  bool all_networks = false;
  std::size_t words = 1;
  for (const std::string& word : line.arguments) {
    if (begins_section(word)) {
      if (words == 0) return wrong_line(line, fmt::format("no token specified in \"{}\" section", section));
      section = to_lower(word);
      words = 0;
      continue;
    }
    ++words;
    if (section.empty()) return wrong_line(line, fmt::format("unexpected token \"{}\"; expect 'type | net'", word));
    bool& all = section == "type" ? all_types : all_networks;
    all = all || word == "*";
    if (all) continue;
    if (auto added = section == "type" ? add_type(line, word, policy) : add_network(line, word, policy); !added)
      return added;
  }
  if (words == 0) return wrong_line(line, fmt::format("no token specified in \"{}\" section", section));
  if (all_types) policy.types.clear();
  if (all_networks) policy.networks.clear();
  return {};
}

Result<AclPolicy> read_policy(const Line& line) {
  const auto* const action = std::ranges::find(kActions, to_lower(line.name), &decltype(kActions)::value_type::first);
  if (action == kActions.end())
    return wrong_line(line,
                      fmt::format("unexpected token \"{}\"; expect 'allow', 'block', 'filter' or 'drop'", line.name));
  AclPolicy policy{action->second, {}, {}};
  if (auto read = read_sections(line, policy); !read) return read.error();
  return policy;
}

}  // namespace

Result<AclRule> read_acl_rule(const corefile::Statement& statement, const std::vector<std::string>& zones) {
  AclRule rule{zones, {}};
  if (!statement.head.arguments.empty()) rule.zones.clear();
  for (const std::string& text : statement.head.arguments) {
    const auto read = corefile::parse_zone(text);
    if (!read) return wrong_line(statement.head, read.error().message);
    rule.zones.insert(rule.zones.end(), read->begin(), read->end());
  }
  for (const Line& line : statement.block) {
    auto policy = read_policy(line);
    if (!policy) return policy.error();
    rule.policies.push_back(std::move(*policy));
  }
  if (rule.policies.empty())
    return wrong_line(statement.head, "has no policy; write e.g. `block net 10.0.0.0/8` in its block");
  return rule;
}

}  // namespace idetcd::app
