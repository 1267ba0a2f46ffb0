#include "settings.h"

#include "exit_status.h"

#include <fmt/format.h>

#include <algorithm>

namespace idetcd::app {

namespace {

Origin find_origin(const Origins& origins, std::string_view setting) {
  const auto found = origins.find(setting);
  return found == origins.end() ? Origin{fmt::format("--{}", setting), false} : found->second;
}

}  // namespace

Origin Settings::origin(std::string_view setting) const {
  return find_origin(origins, setting);
}

Origin PoolSettings::origin(std::string_view setting) const {
  return find_origin(origins, setting);
}

void refuse(const Origin& origin, std::string_view message) {
  throw Exit(origin.in_file ? kExitConfig : kExitUsage, fmt::format("{}: {}", origin.place, message));
}

void assign(Settings& settings, PoolSettings& pool, std::span<const Assignment> assignments) {
  for (const Assignment& assignment : assignments) {
    const SettingSpec& spec = *assignment.spec;
    const auto* for_pool = std::get_if<SettingSpec::SetForPool>(&spec.apply);
    const auto applied = for_pool ? (*for_pool)(pool, assignment.arguments)
                                  : std::get<SettingSpec::SetForServer>(spec.apply)(settings, assignment.arguments);
    if (!applied) refuse(assignment.origin, applied.error().message);
    Origins& origins = for_pool ? pool.origins : settings.origins;
    origins.insert_or_assign(std::string(spec.name), assignment.origin);
  }
}

namespace {

void check_tls(const Settings& settings) {
  const TlsOptions& tls = settings.tls;
  if (tls.cert_file.empty() != tls.key_file.empty()) {
    const std::string_view given = tls.cert_file.empty() ? "key" : "cert";
    const std::string_view missing = tls.cert_file.empty() ? "cert" : "key";
    refuse(settings.origin(given), fmt::format("a certificate and its key go together; set {} too", missing));
  }
  const bool any_file = !tls.ca_file.empty() || !tls.cert_file.empty();
  const bool https = std::ranges::any_of(settings.endpoints, [](const auto& e) { return e.starts_with("https://"); });
  if (any_file && !https) {
    const std::string_view given = settings.origins.contains("tls") ? "tls" : tls.ca_file.empty() ? "cert" : "cacert";
    refuse(settings.origin(given), "TLS files are used only with https:// endpoints, and there is none");
  }
}

void check_pool(const PoolSettings& pool) {
  if (pool.sticky.count() > 0 && pool.node_id.empty() && pool.state_dir.empty()) {
    refuse(pool.origin("sticky"), "a name can be kept only for a node with a lasting id; set node-id or state-dir too");
  }
  if (!pool.advertise.empty() && (!pool.interface.empty() || !pool.cidr.empty())) {
    refuse(pool.origin(pool.interface.empty() ? "cidr" : "interface"),
           "this chooses among the machine's addresses, but advertise already names them; use one of the two");
  }
}

}  // namespace

void check_settings(const Settings& settings) {
  check_tls(settings);
  if (settings.user.empty() && !settings.password.empty()) {
    refuse(settings.origin("password"), "there is a password but no user; set user too");
  }
  for (const PoolSettings& pool : settings.pools) check_pool(pool);
}

PatternTemplate parse_pattern(const PoolSettings& pool) {
  if (pool.pattern.empty()) {
    throw Exit(
        kExitUsage,
        "no pattern is set; say how the nodes are named, as --pattern 'worker{{.ID}}.tf.local.', or give a Corefile "
        "with --conf");
  }
  auto pattern = PatternTemplate::parse(pool.pattern, pool.limit);
  if (!pattern) refuse(pool.origin("pattern"), pattern.error().message);
  return std::move(*pattern);
}

}  // namespace idetcd::app
