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

namespace {

Status apply(const SettingSpec& spec, Settings& settings, PoolSettings& pool, SettingSpec::Arguments arguments) {
  if (const auto* for_pool = std::get_if<SettingSpec::SetForPool>(&spec.apply)) return (*for_pool)(pool, arguments);
  return std::get<SettingSpec::SetForServer>(spec.apply)(settings, arguments);
}

}  // namespace

void assign(Settings& settings, PoolSettings& pool, std::span<const Assignment> assignments) {
  for (auto it = assignments.begin(); it != assignments.end(); ++it) {
    const Assignment& assignment = *it;
    const SettingSpec& spec = *assignment.spec;
    const bool first = std::ranges::find(assignments.begin(), it, &spec, &Assignment::spec) == it;
    if (spec.split && !spec.names_pool && first) (void)apply(spec, settings, pool, {});
    const auto applied = apply(spec, settings, pool, assignment.arguments);
    if (!applied) refuse(assignment.origin, applied.error().message);
    Origins& origins = spec.of_pool() ? pool.origins : settings.origins;
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
  if (pool.max_wait.count() > 0 && pool.on_full != OnFull::kWait) {
    refuse(pool.origin("max-wait"), "there is a wait only with on-full wait; set that too");
  }
  if (pool.sticky.count() > 0 && pool.node_id.empty() && pool.state_dir.empty()) {
    refuse(pool.origin("sticky"), "a name can be kept only for a node with a lasting id; set node-id or state-dir too");
  }
  if (!pool.advertise.empty() && (!pool.interface.empty() || !pool.cidr.empty())) {
    refuse(pool.origin(pool.interface.empty() ? "cidr" : "interface"),
           "this chooses among the machine's addresses, but advertise already names them; use one of the two");
  }
}

// Whose members would it answer with?
void check_pool_names(std::span<const PoolSettings> pools) {
  for (std::size_t i = 0; i < pools.size(); ++i) {
    if (pools[i].pool_name.empty()) continue;
    const auto twin = std::ranges::find(pools.first(i), pools[i].pool_name, &PoolSettings::pool_name);
    if (twin == pools.begin() + static_cast<std::ptrdiff_t>(i)) continue;
    refuse(pools[i].origin("pool-name"),
           fmt::format("the pools {} and {} can not both have the pool name {}; say one in each idetcd block",
                       twin->pattern, pools[i].pattern, pools[i].pool_name));
  }
}

}  // namespace

void check_settings(const Settings& settings) {
  check_tls(settings);
  if (settings.user.empty() && !settings.password.empty()) {
    refuse(settings.origin("password"), "there is a password but no user; set user too");
  }
  for (const PoolSettings& pool : settings.pools) check_pool(pool);
  check_pool_names(settings.pools);
}

const PoolSettings& only_pool(const Settings& settings) {
  if (settings.pools.size() == 1) return settings.pools.front();
  if (std::ranges::count(settings.pools, true, &PoolSettings::claim) == 1)
    return *std::ranges::find(settings.pools, true, &PoolSettings::claim);
  std::string patterns;
  for (const PoolSettings& pool : settings.pools)
    patterns += fmt::format("{}'{}'", patterns.empty() ? "" : ", ", pool.pattern);
  throw Exit(kExitUsage,
             fmt::format("there are several pools and this is about one; choose it with --pattern: {}", patterns));
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
