#include "forward/unbound_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace idetcd::resolver {
namespace {

// Answers come from the upstreams alone: no root servers, no checks of DNSSEC, and no zone of
// unbound's own but for localhost (RFC 6761 6.3) and onion (RFC 7686 2).
constexpr std::string_view kServer = R"(server:
  verbosity: 0
  use-syslog: no
  logfile: ""
  module-config: "iterator"
  do-not-query-localhost: no
  unblock-lan-zones: yes
  local-zone: "test." nodefault
  local-zone: "home.arpa." nodefault
  edns-buffer-size: 1232
  target-fetch-policy: "0 0 0 0 0"
  qname-minimisation: no
  harden-below-nxdomain: no
  rrset-roundrobin: no
  infra-host-ttl: 30
  infra-keep-probing: yes
  outgoing-range: 4096
  num-queries-per-thread: 4096
)";

constexpr std::string_view kSystemCa = "/etc/ssl/certs/ca-certificates.crt";

// Of one answer: what it takes at most in either cache, roughly.
constexpr std::size_t kMessageBytes = 512;
constexpr std::size_t kRrsetBytes = 512;
constexpr std::size_t kMinCache = 64 * 1024;

// How long an upstream may take before an answer that is too old is given instead. RFC 8767 5 has 1.8 s.
constexpr int kStaleAfter = 1800;  // ms
constexpr int kStaleAtOnce = 1;    // ms; with 0 a library, unlike the server, gives none

std::string tls_part(std::span<const app::ForwardRule> rules) {
  const auto tls = [](const app::ForwardRule& rule) { return rule.upstreams.front().tls; };
  const auto first = std::ranges::find_if(rules, tls);
  if (first == rules.end()) return {};
  return fmt::format("  tls-cert-bundle: \"{}\"\n", first->ca_file.empty() ? kSystemCa : first->ca_file);
}

std::string cache_part(const std::optional<app::CacheRule>& cache) {
  const std::size_t entries = cache ? cache->entries : 0;
  std::string text =
      fmt::format("  msg-cache-size: {}\n  rrset-cache-size: {}\n", std::max(kMinCache, entries * kMessageBytes),
                  std::max(kMinCache, entries * kRrsetBytes));
  if (!cache) return text;
  text += fmt::format("  cache-max-ttl: {}\n  cache-min-ttl: {}\n  cache-max-negative-ttl: {}\n",
                      cache->max_ttl.count(), cache->min_ttl.count(), cache->max_negative_ttl.count());
  if (!cache->serve_stale) return text;
  return text + fmt::format(
                    "  serve-expired: yes\n  serve-expired-ttl: {}\n  serve-expired-reply-ttl: 0\n"
                    "  serve-expired-client-timeout: {}\n",
                    cache->serve_stale->count(), cache->stale_at_once ? kStaleAtOnce : kStaleAfter);
}

std::string to_text(const app::Upstream& upstream) {
  const std::string ip = std::visit([](const auto& address) { return to_string(address); }, upstream.ip);
  return fmt::format("{}@{}", ip, upstream.port);
}

bool lies_below(std::string_view name, std::string_view zone) {
  return zone == "." || name == zone ||
         (name.size() > zone.size() && name.ends_with(zone) && name[name.size() - zone.size() - 1] == '.');
}

bool is_kept(const app::ForwardRule& rule, const std::optional<app::CacheRule>& cache) {
  return cache &&
         std::ranges::any_of(cache->zones, [&](const std::string& zone) { return lies_below(rule.zone, zone); });
}

std::string zone_part(const app::ForwardRule& rule, bool kept) {
  const bool tls = rule.upstreams.front().tls;
  std::string text = fmt::format("forward-zone:\n  name: \"{}\"\n", rule.zone);
  for (const app::Upstream& upstream : rule.upstreams)
    text += fmt::format("  forward-addr: {}{}{}\n", to_text(upstream), tls && !rule.tls_name.empty() ? "#" : "",
                        tls ? rule.tls_name : "");
  if (tls) text += "  forward-tls-upstream: yes\n";
  if (!kept) text += "  forward-no-cache: yes\n";
  return text;
}

}  // namespace

std::string unbound_config(std::span<const app::ForwardRule> rules, const std::optional<app::CacheRule>& cache) {
  const bool tcp = std::ranges::any_of(rules, &app::ForwardRule::force_tcp);
  std::string text = fmt::format("{}  tcp-upstream: {}\n", kServer, tcp ? "yes" : "no");
  text += tls_part(rules) + cache_part(cache);
  for (const app::ForwardRule& rule : rules) text += zone_part(rule, is_kept(rule, cache));
  return text;
}

}  // namespace idetcd::resolver
