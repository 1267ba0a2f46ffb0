#include "common/settings/setting_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <variant>

namespace idetcd::app {
namespace {

using Values = std::vector<std::string>;

Values text(const std::string& value) {
  return value.empty() ? Values{} : Values{value};
}

Values duration(std::optional<std::chrono::seconds> value) {
  return value ? Values{fmt::format("{}s", value->count())} : Values{};
}

template <class T>
Values list(const std::vector<T>& items) {
  Values values;
  for (const T& item : items) values.push_back(to_string(item));
  return values;
}

template <class T>
Values pairs(const std::map<std::string, T>& items) {
  Values values;
  for (const auto& [key, value] : items) values.push_back(fmt::format("{}={}", key, value));
  return values;
}

Values on_lost(OnLostPolicy policy) {
  if (policy == OnLostPolicy::kReclaim) return {"reclaim"};
  return {policy == OnLostPolicy::kExit ? "exit" : "serve-only"};
}

Values log_level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return {"debug"};
    case LogLevel::kInfo: return {"info"};
    case LogLevel::kWarning: return {"warning"};
    case LogLevel::kError: return {"error"};
  }
  return {};
}

Values metrics(const Settings& s) {
  return s.metrics ? Values{to_string(*s.metrics)} : Values{};
}

struct Show {
  std::string_view setting;
  Values (*values)(const Settings&, const PoolSettings&);
};

constexpr Show kShows[] = {
    {"endpoints", [](const Settings& s, const PoolSettings&) { return s.endpoints; }},
    {"user", [](const Settings& s, const PoolSettings&) { return text(s.user); }},
    {"password", [](const Settings& s, const PoolSettings&) { return text(s.password.empty() ? "" : "***"); }},
    {"password-file", [](const Settings& s, const PoolSettings&) { return text(s.password_file); }},
    {"cacert", [](const Settings& s, const PoolSettings&) { return text(s.tls.ca_file); }},
    {"cert", [](const Settings& s, const PoolSettings&) { return text(s.tls.cert_file); }},
    {"key", [](const Settings& s, const PoolSettings&) { return text(s.tls.key_file); }},
    {"pattern", [](const Settings&, const PoolSettings& p) { return text(p.pattern); }},
    {"limit", [](const Settings&, const PoolSettings& p) { return Values{fmt::format("{}", p.limit)}; }},
    {"path", [](const Settings&, const PoolSettings& p) { return text(p.path); }},
    {"ttl", [](const Settings&, const PoolSettings& p) { return duration(p.ttl); }},
    {"advertise", [](const Settings&, const PoolSettings& p) { return p.advertise; }},
    {"interface", [](const Settings&, const PoolSettings& p) { return text(p.interface); }},
    {"cidr", [](const Settings&, const PoolSettings& p) { return p.cidr; }},
    {"srv", [](const Settings&, const PoolSettings& p) { return pairs(p.srv); }},
    {"meta", [](const Settings&, const PoolSettings& p) { return pairs(p.meta); }},
    {"on-full",
     [](const Settings&, const PoolSettings& p) { return Values{p.on_full == OnFull::kWait ? "wait" : "exit"}; }},
    {"max-wait", [](const Settings&, const PoolSettings& p) { return duration(p.max_wait); }},
    {"on-stop", [](const Settings&,
                   const PoolSettings& p) { return Values{p.on_stop == OnStopPolicy::kKeep ? "keep" : "release"}; }},
    {"on-lost", [](const Settings&, const PoolSettings& p) { return on_lost(p.on_lost); }},
    {"sticky", [](const Settings&, const PoolSettings& p) { return duration(p.sticky); }},
    {"node-id", [](const Settings&, const PoolSettings& p) { return text(p.node_id); }},
    {"state-dir", [](const Settings&, const PoolSettings& p) { return text(p.state_dir.string()); }},
    {"listen", [](const Settings& s, const PoolSettings&) { return list(s.listen); }},
    {"dns-ttl", [](const Settings& s, const PoolSettings&) { return duration(s.dns_ttl); }},
    {"metrics", [](const Settings& s, const PoolSettings&) { return metrics(s); }},
    {"max-stale", [](const Settings& s, const PoolSettings&) { return duration(s.max_stale); }},
    {"pool-name", [](const Settings&, const PoolSettings& p) { return text(p.pool_name); }},
    {"reverse", [](const Settings& s, const PoolSettings&) { return s.reverse; }},
    {"allow", [](const Settings& s, const PoolSettings&) { return list(s.allow); }},
    {"deny", [](const Settings& s, const PoolSettings&) { return list(s.deny); }},
    {"nsid", [](const Settings& s, const PoolSettings&) { return text(s.nsid); }},
    {"server-version", [](const Settings& s, const PoolSettings&) { return text(s.server_version); }},
    {"workers", [](const Settings& s,
                   const PoolSettings&) { return s.workers == 0 ? Values{} : Values{fmt::format("{}", s.workers)}; }},
    {"run-as", [](const Settings& s, const PoolSettings&) { return text(s.run_as); }},
    {"log-level", [](const Settings& s, const PoolSettings&) { return log_level(s.log_level); }},
    {"log-format",
     [](const Settings& s, const PoolSettings&) { return Values{s.log_format == LogFormat::kJson ? "json" : "text"}; }},
};

}  // namespace

std::vector<std::string> setting_values(std::string_view setting, const Settings& settings, const PoolSettings& pool) {
  return std::ranges::find(kShows, setting, &Show::setting)->values(settings, pool);
}

bool has_value(std::string_view setting) {
  return std::ranges::find(kShows, setting, &Show::setting) != std::ranges::end(kShows);
}

std::string to_string(const Network& network) {
  const std::string address = std::visit([](const auto& ip) { return idetcd::to_string(ip); }, network.base);
  return fmt::format("{}/{}", address, network.prefix_length);
}

}  // namespace idetcd::app
