#include "common/directives/server_directives.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "common/directives/acl_directive.h"
#include "common/directives/directive_checks.h"
#include "common/directives/directive_table.h"
#include "common/directives/forward_directive.h"
#include "common/directives/query_log_directive.h"
#include "common/system/interfaces.h"
#include "common/values/go_duration.h"
#include "common/values/values.h"

namespace idetcd::app {
namespace {

using corefile::Line;
using corefile::Statement;

constexpr std::uint16_t kUdpReply = 1232;  // as reply.h has it

// What a reader of a directive may set.
struct Target {
  ServerDirectives& all;
  ServerSettings& server;
};

void warn(Target& target, const Line& line, std::string_view text) {
  target.all.warnings.push_back(fmt::format("{}: {}: {}", line.place(), line.name, text));
}

Status read_bind(const Statement& s, Target& t) {
  if (s.head.arguments.empty()) return wrong_line(s.head, "at least one address or interface name is expected");
  std::vector<IpAddress> addresses;
  std::vector<IpAddress> except;
  for (const std::string& each : s.head.arguments) {
    if (auto found = add_bind_addresses(each, addresses); !found) return wrong_line(s.head, found.error().message);
  }
  for (const Line& line : s.block) {
    if (line.name != "except") return unknown_property(line, {"except"});
    if (line.arguments.empty()) return wrong_line(line, "at least one address or interface name is expected");
    for (const std::string& each : line.arguments) {
      if (auto found = add_bind_addresses(each, except); !found) return wrong_line(line, found.error().message);
    }
  }
  for (const IpAddress& each : addresses) {
    const bool known = std::ranges::find(t.server.bind, each) != t.server.bind.end();
    if (!known && std::ranges::find(except, each) == except.end()) t.server.bind.push_back(each);
  }
  if (t.server.bind.empty()) return wrong_line(s.head, "no address is left to listen on");
  return {};
}

Status read_errors(const Statement& s, Target& t) {
  if (auto few = check_arguments(s.head, 0, 1); !few) return few;
  if (!s.head.arguments.empty()) {
    if (s.head.arguments[0] != "stdout")
      return wrong_line(s.head, fmt::format("invalid log file: {}", s.head.arguments[0]));
    warn(t, s.head, "the log goes to stderr, not to stdout");
  }
  for (const Line& line : s.block) {
    if (line.name != "stacktrace" && line.name != "consolidate")
      return unknown_property(line, {"stacktrace", "consolidate"});
    if (line.name == "stacktrace") continue;
    if (auto few = check_arguments(line, 2, 4); !few) return few;
    if (auto period = parse_go_duration(line.arguments[0]); !period) return wrong_line(line, period.error().message);
    warn(t, line, "has no effect: the log has a line for each event, and none for each query");
  }
  return {};
}

// "[ADDRESS]:PORT", as CoreDNS has it for its web servers.
Result<ListenAddress> read_web_address(const Line& head, std::string_view fallback) {
  if (auto few = check_arguments(head, 0, 1); !few) return few.error();
  const std::string text = head.arguments.empty() ? std::string(fallback) : head.arguments[0];
  const auto colon = text.rfind(':');
  if (colon == std::string::npos)
    return wrong_line(head, fmt::format("\"{}\" has no port; write e.g. {}", text, fallback));
  const bool localhost = text.substr(0, colon) == "localhost";
  const auto address = parse_listen_address(localhost ? "127.0.0.1" + text.substr(colon) : text);
  if (!address) return wrong_line(head, address.error().message);
  return *address;
}

// Several directives may share an address.
HttpEndpoint& endpoint_at(Target& t, const Line& head, const ListenAddress& address) {
  const auto found = std::ranges::find(t.all.http, address, &HttpEndpoint::address);
  if (found != t.all.http.end() && address.port != 0) return *found;
  t.all.http.push_back({fmt::format("{}: {}", head.place(), head.name), address});
  return t.all.http.back();
}

Status read_health(const Statement& s, Target& t) {
  const auto address = read_web_address(s.head, ":8080");
  if (!address) return address.error();
  for (const Line& line : s.block) {
    if (line.name != "lameduck") return unknown_property(line, {"lameduck"});
    if (auto few = check_arguments(line, 1, 1); !few) return few;
    const auto duration = parse_go_duration(line.arguments[0]);
    if (!duration) return wrong_line(line, duration.error().message);
    t.all.lameduck = std::max(t.all.lameduck, *duration);
  }
  endpoint_at(t, s.head, *address).health = true;
  return {};
}

Status read_ready(const Statement& s, Target& t) {
  const auto address = read_web_address(s.head, ":8181");
  if (!address) return address.error();
  for (const Line& line : s.block) {
    if (line.name != "monitor") return unknown_property(line, {"monitor"});
    if (auto few = check_arguments(line, 1, 1); !few) return few;
    const std::string& mode = line.arguments[0];
    if (mode != "until-ready" && mode != "continuously")
      return wrong_line(line, fmt::format("\"{}\" is neither until-ready nor continuously", mode));
    warn(t, line, "has no effect: a node that was ready stays so until max-stale, because it serves on without etcd");
  }
  endpoint_at(t, s.head, *address).ready = true;
  return {};
}

Status read_prometheus(const Statement& s, Target& t) {
  if (auto none = check_no_block(s); !none) return none;
  const auto address = read_web_address(s.head, "localhost:9153");
  if (!address) return address.error();
  endpoint_at(t, s.head, *address).metrics = true;
  return {};
}

// As CoreDNS: at least 2 s, 30 s unless told, and half of it as jitter; the jitter has no effect here.
Status read_reload(const Statement& s, Target& t) {
  using namespace std::chrono_literals;
  constexpr std::chrono::milliseconds kMin = 2s;
  if (auto none = check_no_block(s); !none) return none;
  if (auto count = check_arguments(s.head, 0, 2); !count) return count;
  t.all.reload = 30s;
  for (std::size_t i = 0; i < s.head.arguments.size(); ++i) {
    const auto duration = parse_go_duration(s.head.arguments[i]);
    if (!duration) return wrong_line(s.head, duration.error().message);
    if (i == 0) t.all.reload = std::max(*duration, kMin);
  }
  return {};
}

Status read_any(const Statement& s, Target&) {
  if (auto none = check_no_block(s); !none) return none;
  return check_arguments(s.head, 0, 0);
}

Status read_debug(const Statement& s, Target& t) {
  if (auto plain = read_any(s, t); !plain) return plain;
  t.all.debug = true;
  return {};
}

Status read_whoami(const Statement& s, Target& t) {
  if (auto plain = read_any(s, t); !plain) return plain;
  t.server.whoami = true;
  return {};
}

Status read_cancel(const Statement& s, Target&) {
  if (auto none = check_no_block(s); !none) return none;
  if (auto few = check_arguments(s.head, 0, 1); !few) return few;
  if (s.head.arguments.empty()) return {};
  const auto timeout = parse_go_duration(s.head.arguments[0]);
  if (!timeout) return wrong_line(s.head, timeout.error().message);
  if (timeout->count() == 0) return wrong_line(s.head, "the time must be more than 0");
  return {};
}

Status read_nsid(const Statement& s, Target& t) {
  if (auto none = check_no_block(s); !none) return none;
  t.server.nsid = s.head.arguments.empty() ? host_name() : fmt::format("{}", fmt::join(s.head.arguments, " "));
  return {};
}

Status read_chaos(const Statement& s, Target& t) {
  if (auto none = check_no_block(s); !none) return none;
  t.server.hostname = host_name();
  if (s.head.arguments.empty()) return {};
  t.server.version = s.head.arguments[0];
  t.server.authors.assign(s.head.arguments.begin() + 1, s.head.arguments.end());
  std::ranges::sort(t.server.authors);
  t.server.authors.erase(std::unique(t.server.authors.begin(), t.server.authors.end()), t.server.authors.end());
  return {};
}

Status read_bufsize(const Statement& s, Target& t) {
  if (auto none = check_no_block(s); !none) return none;
  if (auto few = check_arguments(s.head, 0, 1); !few) return few;
  constexpr unsigned kMin = 512;
  constexpr unsigned kMax = 4096;
  unsigned size = kUdpReply;
  if (!s.head.arguments.empty()) {
    const auto read = parse_count(s.head.arguments[0], kMax);
    if (!read || *read < kMin)
      return wrong_line(s.head, fmt::format("\"{}\" is not a number from 512 to 4096", s.head.arguments[0]));
    size = *read;
  }
  if (size > kUdpReply) {
    warn(t, s.head, fmt::format("no answer over UDP is larger than {} bytes, which every path carries", kUdpReply));
    size = kUdpReply;
  }
  t.server.max_udp = static_cast<std::uint16_t>(size);
  return {};
}

Status read_loadbalance(const Statement& s, Target&) {
  const auto& arguments = s.head.arguments;
  if (!arguments.empty() && arguments[0] == "weighted")
    return wrong_line(s.head, "weights are not built; write `loadbalance`, which rotates the answers of a pool-name");
  if (auto none = check_no_block(s); !none) return none;
  if (auto few = check_arguments(s.head, 0, 1); !few) return few;
  if (arguments.empty() || arguments[0] == "round_robin") return {};
  return wrong_line(s.head, fmt::format("unknown policy: {}; expected round_robin", arguments[0]));
}

Status read_acl(const Statement& s, Target& t) {
  std::vector<std::string> zones;
  for (const corefile::ServerKey& key : t.server.keys) zones.push_back(key.zone);
  auto rule = read_acl_rule(s, zones);
  if (!rule) return rule.error();
  t.server.acl.push_back(std::move(*rule));
  return {};
}

Status read_log(const Statement& s, Target& t) {
  auto rules = read_query_log_rules(s);
  if (!rules) return rules.error();
  t.server.log.insert(t.server.log.end(), rules->begin(), rules->end());
  return {};
}

Status read_forward(const Statement& s, Target& t) {
  auto rule = read_forward_rule(s, t.all.warnings);
  if (!rule) return rule.error();
  const auto twin = std::ranges::find(t.server.forward, rule->zone, &ForwardRule::zone);
  if (twin != t.server.forward.end())
    return wrong_line(s.head, fmt::format("{} is forwarded already ({})", rule->zone, twin->place));
  t.server.forward.push_back(std::move(*rule));
  return {};
}

Status read_cache(const Statement& s, Target& t) {
  std::vector<std::string> zones;
  for (const corefile::ServerKey& key : t.server.keys) zones.push_back(key.zone);
  auto rule = read_cache_rule(s, zones, t.all.warnings);
  if (!rule) return rule.error();
  t.server.cache = std::move(*rule);
  return {};
}

using Read = Status (*)(const Statement&, Target&);
constexpr std::array<std::pair<std::string_view, Read>, 19> kReaders{{{"bind", read_bind},
                                                                      {"errors", read_errors},
                                                                      {"log", read_log},
                                                                      {"health", read_health},
                                                                      {"ready", read_ready},
                                                                      {"prometheus", read_prometheus},
                                                                      {"any", read_any},
                                                                      {"acl", read_acl},
                                                                      {"bufsize", read_bufsize},
                                                                      {"loadbalance", read_loadbalance},
                                                                      {"chaos", read_chaos},
                                                                      {"whoami", read_whoami},
                                                                      {"forward", read_forward},
                                                                      {"cache", read_cache},
                                                                      {"reload", read_reload},
                                                                      {"debug", read_debug},
                                                                      {"cancel", read_cancel},
                                                                      {"nsid", read_nsid},
                                                                      {"idetcd", nullptr}}};

Status read_directive(const Statement& statement, const DirectiveSpec& spec, Target& target) {
  if (spec.role == DirectiveSpec::Role::kRefused) return wrong_line(statement.head, spec.reason);
  if (spec.role == DirectiveSpec::Role::kNoEffect) {
    warn(target, statement.head, fmt::format("has no effect: {}", spec.reason));
    return {};
  }
  const auto* const reader = std::ranges::find(kReaders, spec.name, &decltype(kReaders)::value_type::first);
  return reader == kReaders.end() || reader->second == nullptr ? Status() : reader->second(statement, target);
}

void read_server(const CorefileServer& server, Target target, std::vector<std::string>& problems) {
  std::vector<const Statement*> seen;
  for (const Statement& statement : server.directives) {
    const DirectiveSpec& spec = *find_directive(statement.head.name);
    const auto twin =
        std::ranges::find(seen, statement.head.name, [](const Statement* each) { return each->head.name; });
    Status read;
    if (twin != seen.end() && !spec.repeats)
      read = wrong_line(statement.head,
                        fmt::format("is given twice in this server block (first at {})", (*twin)->head.place()));
    else
      read = read_directive(statement, spec, target);
    if (!read) problems.push_back(read.error().message);
    seen.push_back(&statement);
  }
}

}  // namespace

Result<ServerDirectives> read_server_directives(const Corefile& corefile) {
  ServerDirectives all;
  all.warnings = corefile.warnings;
  std::vector<std::string> problems;
  for (const CorefileServer& server : corefile.servers) {
    ServerSettings settings;
    settings.place = server.place;
    settings.keys = server.keys;
    read_server(server, {all, settings}, problems);
    if (settings.cache && settings.forward.empty())
      all.warnings.push_back(fmt::format(
          "{}: cache has no effect without forward: every answer comes from memory already", settings.place));
    all.servers.push_back(std::move(settings));
  }
  if (problems.empty()) return all;
  return Error{ErrorCode::kInvalidArgument, fmt::format("{}", fmt::join(problems, "\n"))};
}

}  // namespace idetcd::app
