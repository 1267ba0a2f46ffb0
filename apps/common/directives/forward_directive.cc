#include "common/directives/forward_directive.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <string_view>
#include <utility>

#include "common/corefile/imports.h"
#include "common/corefile/server_key.h"
#include "common/directives/directive_checks.h"
#include "common/values/go_duration.h"
#include "common/values/listen_address.h"
#include "common/values/values.h"

namespace idetcd::app {
namespace {

using corefile::Line;
using corefile::Statement;
using Warnings = std::vector<std::string>;

constexpr std::size_t kMany = 1000;
constexpr std::size_t kMaxUpstreams = 15;  // as CoreDNS
constexpr std::uint16_t kDnsPort = 53;
constexpr std::uint16_t kTlsPort = 853;
constexpr unsigned kMostConcurrent = 65'536;
constexpr unsigned kMostEntries = 10'000'000;

void no_effect(const Line& line, std::string_view why, Warnings& warnings) {
  warnings.push_back(fmt::format("{}: {}: has no effect: {}", line.place(), line.name, why));
}

Result<std::vector<std::string>> read_zones(const Line& line, const std::vector<std::string>& words) {
  std::vector<std::string> zones;
  for (const std::string& word : words) {
    const auto read = corefile::parse_zone(word);
    if (!read) return wrong_line(line, read.error().message);
    zones.insert(zones.end(), read->begin(), read->end());
  }
  return zones;
}

// The servers of a resolv.conf(5).
Result<std::vector<Upstream>> read_resolv_conf(const Line& line, const std::string& path) {
  const auto contents = corefile::read_text_file(path);  // bounded, and of a regular file
  if (!contents) return wrong_line(line, fmt::format("{} is neither an address nor a file that can be read", path));
  std::vector<Upstream> upstreams;
  std::istringstream file(*contents);
  for (std::string text; std::getline(file, text);) {
    std::istringstream words(text);
    std::string keyword, address;
    if (!(words >> keyword >> address) || keyword != "nameserver") continue;
    const auto ip = parse_listen_address(address, kDnsPort);
    if (!ip || !ip->ip) continue;  // as the C library does, and link-local ones with an interface
    upstreams.push_back({*ip->ip, kDnsPort, false});
  }
  if (upstreams.empty()) return wrong_line(line, fmt::format("{} names no nameserver", path));
  return upstreams;
}

constexpr std::array<std::string_view, 4> kOtherSchemes{"https://", "quic://", "grpc://", "http://"};

// "9.9.9.9", "9.9.9.9:5353", "dns://...", "tls://9.9.9.9", or the path of a resolv.conf.
Status add_upstream(const Line& line, std::string_view word, ForwardRule& rule) {
  const auto other = std::ranges::find_if(kOtherSchemes, [&](auto scheme) { return word.starts_with(scheme); });
  if (other != kOtherSchemes.end())
    return wrong_line(line, fmt::format("\"{}\": an upstream is asked over UDP, TCP or TLS; write ADDRESS, "
                                        "dns://ADDRESS or tls://ADDRESS",
                                        word));
  const bool tls = word.starts_with("tls://");
  std::string_view text = word;
  for (const std::string_view scheme : {"dns://", "tls://"})
    if (text.starts_with(scheme)) text.remove_prefix(scheme.size());
  if (const auto percent = text.find('%'); tls && percent != std::string_view::npos) {
    rule.tls_name = text.substr(percent + 1);
    text = text.substr(0, percent);
  }
  const auto address = parse_listen_address(text, tls ? kTlsPort : kDnsPort);
  if (address && address->ip) {
    if (address->port == 0) return wrong_line(line, fmt::format("\"{}\" has port 0", word));
    rule.upstreams.push_back({*address->ip, address->port, tls});
    return {};
  }
  if (word.find('/') == std::string_view::npos || text.size() != word.size())
    return wrong_line(line, fmt::format("\"{}\" is neither an IP address nor the path of a resolv.conf", word));
  auto found = read_resolv_conf(line, std::string(word));
  if (!found) return found.error();
  rule.from_file = true;
  rule.upstreams.insert(rule.upstreams.end(), found->begin(), found->end());
  return {};
}

// tls, tls CA, tls CERT KEY, tls CERT KEY CA.
Status read_tls(const Line& line, ForwardRule& rule) {
  if (line.arguments.size() > 1)
    return wrong_line(line, "a client certificate is not shown to upstreams; write `tls` or `tls CA-FILE`");
  if (line.arguments.empty()) return {};
  rule.ca_file = line.arguments[0];
  if (std::ifstream(rule.ca_file)) return {};
  return wrong_line(line, fmt::format("{} cannot be read", rule.ca_file));
}

Status read_max_concurrent(const Line& line, ForwardRule& rule) {
  const auto count = parse_count(line.arguments[0], kMostConcurrent);
  if (!count) return wrong_line(line, count.error().message);
  rule.max_concurrent = *count;
  return {};
}

Status read_policy(const Line& line, Warnings& warnings) {
  const std::string& policy = line.arguments[0];
  if (policy != "random" && policy != "round_robin" && policy != "sequential")
    return wrong_line(line, fmt::format("unknown policy '{}'; known: random round_robin sequential", policy));
  no_effect(line, "among the upstreams that answer, one of the quickest is asked", warnings);
  return {};
}

constexpr std::string_view kOwnHealth = "an upstream that does not answer is asked again now and then by itself";

Status read_duration(const Line& line, std::string_view why, Warnings& warnings) {
  if (auto duration = parse_go_duration(line.arguments[0]); !duration)
    return wrong_line(line, duration.error().message);
  no_effect(line, why, warnings);
  return {};
}

Status read_number(const Line& line, std::string_view why, Warnings& warnings) {
  if (auto count = parse_count(line.arguments[0], kMostEntries); !count) return wrong_line(line, count.error().message);
  no_effect(line, why, warnings);
  return {};
}

struct Forward {
  ForwardRule& rule;
  Warnings& warnings;
};

// A line of a block: how many arguments it has, and what it sets.
template <class Target>
struct Property {
  std::string_view name;
  std::size_t min;
  std::size_t max;
  Status (*read)(const Line&, Target&);
};

constexpr Property<Forward> kOfForward[] = {
    {"except", 1, kMany,
     [](const Line& line, Forward& f) -> Status {
       auto zones = read_zones(line, line.arguments);
       if (!zones) return zones.error();
       f.rule.except.insert(f.rule.except.end(), zones->begin(), zones->end());
       return {};
     }},
    {"force_tcp", 0, 0,
     [](const Line&, Forward& f) -> Status {
       f.rule.force_tcp = true;
       return {};
     }},
    {"prefer_udp", 0, 0,
     [](const Line& line, Forward& f) -> Status {
       no_effect(line, "UDP is preferred anyway, whatever the client used", f.warnings);
       return {};
     }},
    {"expire", 1, 1,
     [](const Line& line, Forward& f) { return read_duration(line, "connections are kept for 60 s", f.warnings); }},
    {"max_fails", 1, 1, [](const Line& line, Forward& f) { return read_number(line, kOwnHealth, f.warnings); }},
    {"max_connect_attempts", 1, 1,
     [](const Line& line, Forward& f) { return read_number(line, kOwnHealth, f.warnings); }},
    {"tls", 0, 3, [](const Line& line, Forward& f) { return read_tls(line, f.rule); }},
    {"tls_servername", 1, 1,
     [](const Line& line, Forward& f) -> Status {
       f.rule.tls_name = line.arguments[0];
       return {};
     }},
    {"policy", 1, 1, [](const Line& line, Forward& f) { return read_policy(line, f.warnings); }},
    {"health_check", 1, 4, [](const Line& line, Forward& f) { return read_duration(line, kOwnHealth, f.warnings); }},
    {"max_concurrent", 1, 1, [](const Line& line, Forward& f) { return read_max_concurrent(line, f.rule); }},
    {"next", 1, kMany,
     [](const Line& line, Forward&) -> Status {
       return wrong_line(line, "no other directive here answers what an upstream refused");
     }},
    {"failover", 1, kMany,
     [](const Line& line, Forward& f) -> Status {
       no_effect(line, "after SERVFAIL or REFUSED the next upstream is asked anyway", f.warnings);
       return {};
     }},
    {"failfast_all_unhealthy_upstreams", 0, 0,
     [](const Line& line, Forward& f) -> Status {
       no_effect(line, kOwnHealth, f.warnings);
       return {};
     }},
};

template <class Target, std::size_t kCount>
Status read_properties(const Statement& statement, const Property<Target> (&properties)[kCount], Target target) {
  std::vector<std::string_view> known;
  for (const auto& property : properties) known.push_back(property.name);
  for (const Line& line : statement.block) {
    const auto* const found = std::ranges::find(properties, line.name, &Property<Target>::name);
    if (found == std::end(properties)) return unknown_property(line, known);
    if (auto count = check_arguments(line, found->min, found->max); !count) return count;
    if (auto read = found->read(line, target); !read) return read;
  }
  return {};
}

struct Cache {
  CacheRule& rule;
  Warnings& warnings;
};

Result<std::chrono::seconds> read_ttl(const Line& line, const std::string& word) {
  constexpr unsigned kMaxTtl = 1'000'000'000;
  const auto ttl = parse_count(word, kMaxTtl);
  if (!ttl) return wrong_line(line, ttl.error().message);
  return std::chrono::seconds(*ttl);
}

// CAPACITY [TTL] [MINTTL].
Status read_share(const Line& line, CacheRule& rule, std::chrono::seconds& max, std::chrono::seconds* min) {
  const auto count = parse_count(line.arguments[0], kMostEntries);
  if (!count) return wrong_line(line, count.error().message);
  rule.entries = std::max<std::size_t>(rule.entries, *count);
  for (std::size_t i = 1; i < line.arguments.size(); ++i) {
    const auto ttl = read_ttl(line, line.arguments[i]);
    if (!ttl) return ttl.error();
    if (i == 1)
      max = *ttl;
    else if (min != nullptr)
      *min = *ttl;
  }
  return {};
}

Status read_serve_stale(const Line& line, CacheRule& rule) {
  using namespace std::chrono_literals;
  rule.serve_stale = 3600s;
  if (line.arguments.empty()) return {};
  const auto duration = parse_go_duration(line.arguments[0]);
  if (!duration) return wrong_line(line, duration.error().message);
  rule.serve_stale = std::chrono::duration_cast<std::chrono::seconds>(*duration);
  if (line.arguments.size() == 1) return {};
  if (line.arguments[1] != "immediate" && line.arguments[1] != "verify")
    return wrong_line(line, fmt::format("\"{}\" is neither immediate nor verify", line.arguments[1]));
  rule.stale_at_once = line.arguments[1] == "immediate";
  return {};
}

Status read_disable(const Line& line, CacheRule& rule) {
  if (line.arguments.size() > 1) return wrong_line(line, "zones are not told apart here; name them after `cache`");
  if (line.arguments[0] == "success")
    rule.max_ttl = std::chrono::seconds(0);
  else if (line.arguments[0] == "denial")
    rule.max_negative_ttl = std::chrono::seconds(0);
  else
    return wrong_line(line, fmt::format("cache type for disable must be success or denial, not {}", line.arguments[0]));
  return {};
}

constexpr Property<Cache> kOfCache[] = {
    {"success", 1, 3,
     [](const Line& line, Cache& c) { return read_share(line, c.rule, c.rule.max_ttl, &c.rule.min_ttl); }},
    {"denial", 1, 3,
     [](const Line& line, Cache& c) { return read_share(line, c.rule, c.rule.max_negative_ttl, nullptr); }},
    {"prefetch", 1, 3,
     [](const Line& line, Cache& c) {
       return read_number(line, "an answer is fetched again when it is asked for; see serve_stale", c.warnings);
     }},
    {"serve_stale", 0, 2, [](const Line& line, Cache& c) { return read_serve_stale(line, c.rule); }},
    {"servfail", 1, 1,
     [](const Line& line, Cache& c) { return read_duration(line, "failures are kept for 5 s", c.warnings); }},
    {"disable", 1, kMany, [](const Line& line, Cache& c) { return read_disable(line, c.rule); }},
    {"keepttl", 0, 0,
     [](const Line& line, Cache& c) -> Status {
       no_effect(line, "the TTL of an answer that was kept is what is left of it", c.warnings);
       return {};
     }},
};

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

Result<ForwardRule> read_forward_rule(const Statement& statement, Warnings& warnings) {
  const Line& head = statement.head;
  if (head.arguments.size() < 2)
    return wrong_line(head, "write `forward FROM TO...`, e.g. `forward . /etc/resolv.conf`");
  ForwardRule rule;
  rule.place = fmt::format("{}: {}", head.place(), head.name);
  const auto zones = read_zones(head, {head.arguments[0]});
  if (!zones) return zones.error();
  if (zones->size() != 1)
    return wrong_line(head, fmt::format("{} is several zones; write a forward for each", head.arguments[0]));
  rule.zone = zones->front();
  for (std::size_t i = 1; i < head.arguments.size(); ++i)
    if (auto added = add_upstream(head, head.arguments[i], rule); !added) return added.error();
  if (rule.upstreams.size() > kMaxUpstreams)
    return wrong_line(head, fmt::format("more than {} upstreams: {}", kMaxUpstreams, rule.upstreams.size()));
  const bool some_tls = std::ranges::any_of(rule.upstreams, &Upstream::tls);
  if (some_tls && !std::ranges::all_of(rule.upstreams, &Upstream::tls))
    return wrong_line(head, "either all upstreams are asked over TLS, or none; write a forward for each kind");
  if (auto read = read_properties(statement, kOfForward, Forward{rule, warnings}); !read) return read.error();
  return rule;
}

Result<CacheRule> read_cache_rule(const Statement& statement, const std::vector<std::string>& zones,
                                  Warnings& warnings) {
  const Line& head = statement.head;
  CacheRule rule;
  std::vector<std::string> words = head.arguments;
  if (!words.empty() && is_number(words[0])) {
    const auto ttl = read_ttl(head, words[0]);
    if (!ttl) return ttl.error();
    if (ttl->count() == 0) return wrong_line(head, "the TTL is 0; expected 1 or more");
    rule.max_ttl = *ttl;
    rule.max_negative_ttl = std::min(*ttl, rule.max_negative_ttl);
    words.erase(words.begin());
  }
  auto own = read_zones(head, words);
  if (!own) return own.error();
  if (own->empty())
    rule.zones = zones;
  else
    rule.zones = std::move(*own);
  if (auto read = read_properties(statement, kOfCache, Cache{rule, warnings}); !read) return read.error();
  return rule;
}

}  // namespace idetcd::app
