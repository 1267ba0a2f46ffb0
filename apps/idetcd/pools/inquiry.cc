#include "pools/inquiry.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

#include "common/settings/connection.h"
#include "common/system/child_process.h"
#include "common/system/exit_status.h"
#include "common/values/printable.h"
#include "pools/pool_discovery.h"

namespace idetcd::tool {
namespace {

template <class T>
T value_or_exit(Result<T> result) {
  if (!result) throw app::Exit(result.error());
  return std::move(*result);
}

// With the limit that was set, or else the one that can be seen.
ListedPool read_one(Etcd& etcd, const app::PoolSettings& pool, const LogSink& log) {
  PatternTemplate pattern = app::parse_pattern(pool);
  PoolState state = value_or_exit(read_pool(etcd, pattern, pool.path));
  if (pool.origins.contains("limit") || pool.origins.contains("serve")) {
    for (const std::string& warning : limit_warnings(state, pool.limit)) log(LogLevel::kWarning, warning);
    return {pool.path, std::move(pattern), pool.limit, std::move(state)};
  }
  if (const SlotId seen = limit_seen(state); seen > pattern.limit()) {
    app::PoolSettings larger = pool;
    larger.limit = seen;
    pattern = app::parse_pattern(larger);
    state = value_or_exit(read_pool(etcd, pattern, pool.path));
  }
  std::optional<SlotId> limit;
  if (!state.queue.empty() && state.queue.front().limit != 0) {
    limit = state.queue.front().limit;
    for (const std::string& warning : limit_warnings(state, *limit)) log(LogLevel::kWarning, warning);
  }
  return {pool.path, std::move(pattern), limit, std::move(state)};
}

// Those that were set: of a choice with --pattern only the chosen ones.
std::vector<app::PoolSettings> pools_of(const app::Settings& settings) {
  std::vector<app::PoolSettings> pools = settings.pools;
  const auto chosen = [](const app::PoolSettings& pool) {
    return pool.claim && pool.origins.contains("pattern") && !pool.origins.find("pattern")->second.in_file;
  };
  if (std::ranges::any_of(pools, chosen)) std::erase_if(pools, [](const auto& pool) { return !pool.claim; });
  return pools;
}

std::vector<app::PoolSettings> pools_in_etcd(Etcd& etcd, const app::PoolSettings& like) {
  std::vector<app::PoolSettings> pools;
  for (const FoundPool& found : value_or_exit(find_pools(etcd))) {
    if (!found.path.starts_with(like.path) || !PatternTemplate::parse(found.pattern, 1)) continue;
    pools.push_back(like);
    pools.back().path = found.path;
    pools.back().pattern = found.pattern;
  }
  if (pools.empty())
    throw app::Exit(app::kExitUsage,
                    "no pattern is set, and no node of a pool is in this etcd; set one, e.g. --pattern "
                    "'worker{{.ID}}.tf.local.', or give a Corefile with --conf");
  return pools;
}

std::string pool_list(std::span<const ListedPool> pools) {
  std::string text;
  for (const ListedPool& pool : pools)
    text += fmt::format("\n  {}{}", app::printable(pool.path), app::printable(pool.pattern.canonical()));
  return text;
}

}  // namespace

Inquiry open_inquiry(const app::GivenFlags& given) {
  Inquiry inquiry;
  inquiry.settings = app::load_settings(given, app::process_environment());
  inquiry.log = app::open_log(inquiry.settings.log_level, inquiry.settings.log_format);
  for (const std::string& warning : app::unknown_variables(app::current_environment()))
    inquiry.log(LogLevel::kWarning, warning);
  inquiry.told = !inquiry.settings.pools.front().pattern.empty();
  if (inquiry.told) {
    for (const app::PoolSettings& pool : inquiry.settings.pools) (void)app::parse_pattern(pool);
  }
  inquiry.etcd = app::connect_etcd(inquiry.settings, inquiry.log);
  return inquiry;
}

std::vector<ListedPool> read_pools(const Inquiry& inquiry) {
  std::vector<ListedPool> pools;
  for (const app::PoolSettings& pool :
       inquiry.told ? pools_of(inquiry.settings) : pools_in_etcd(*inquiry.etcd, inquiry.settings.pools.front()))
    pools.push_back(read_one(*inquiry.etcd, pool, inquiry.log));
  return pools;
}

ListedPool read_only_pool(const Inquiry& inquiry, std::string_view what) {
  auto pools = read_pools(inquiry);
  if (pools.size() == 1) return std::move(pools.front());
  throw app::Exit(app::kExitUsage,
                  fmt::format("{} needs one pool; choose one with --pattern (and --path):{}", what, pool_list(pools)));
}

FoundName find_name(std::span<const ListedPool> pools, std::string_view text) {
  const auto in = [](const ListedPool& pool, SlotId slot) {
    const auto taken = std::ranges::find(pool.state.names, slot, &PoolName::slot);
    return FoundName{pool, slot, taken == pool.state.names.end() ? nullptr : &*taken};
  };
  for (const ListedPool& pool : pools) {
    if (const auto slot = pool.pattern.match(text)) return in(pool, *slot);
  }
  SlotId slot = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), slot);
  const bool number = error == std::errc() && end == text.data() + text.size();
  if (number && pools.size() == 1 && slot >= 1 && slot <= pools.front().pattern.limit()) return in(pools.front(), slot);
  throw app::Exit(app::kExitUsage,
                  fmt::format("\"{}\" is no name of the pools looked at{}:{}", app::printable(std::string(text)),
                              number ? ", and which slot is meant is not clear" : "", pool_list(pools)));
}

}  // namespace idetcd::tool
