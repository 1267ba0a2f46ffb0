#include "common/settings/setting_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "common/settings/connection.h"

namespace idetcd::app {
namespace {

void check_pool(const Settings& settings, const PoolSettings& pool) {
  if (auto valid = check(claim_options(pool, {})); !valid)
    refuse(pool.origin(valid.error().option), valid.error().message);
  if (auto valid = check(address_options(settings, pool)); !valid)
    refuse(pool.origin(valid.error().option), valid.error().message);
  if (pool.max_wait.count() > 0 && pool.on_full != OnFull::kWait)
    refuse(pool.origin("max-wait"), "needs on-full wait; set that too");
  if (pool.on_stop == OnStopPolicy::kKeep && pool.state_dir.empty())
    refuse(pool.origin("on-stop"), "keep needs state-dir, from which the successor knows its name; set that too");
}

// The name would have to answer with the members of both.
void check_pool_names(std::span<const PoolSettings> pools) {
  for (std::size_t i = 0; i < pools.size(); ++i) {
    if (pools[i].pool_name.empty()) continue;
    const auto twin = std::ranges::find(pools.first(i), pools[i].pool_name, &PoolSettings::pool_name);
    if (twin == pools.begin() + static_cast<std::ptrdiff_t>(i)) continue;
    refuse(pools[i].origin("pool-name"),
           fmt::format("the pools {} and {} cannot both have the pool name {}; give each idetcd block its own",
                       twin->pattern, pools[i].pattern, pools[i].pool_name));
  }
}

}  // namespace

void check_settings(const Settings& settings) {
  for (const PoolSettings& pool : settings.pools) check_pool(settings, pool);
  check_pool_names(settings.pools);
}

}  // namespace idetcd::app
