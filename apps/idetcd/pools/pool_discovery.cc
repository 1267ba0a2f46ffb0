#include "pools/pool_discovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace idetcd::tool {
namespace {

// As the README has it: /idetcd/<path><pattern>/<kind>/<id>. A pattern has no slash in it, a path may.
constexpr std::string_view kPrefix = "/idetcd/";
constexpr std::array<std::string_view, 4> kKinds{"/node/", "/queue/", "/hold/", "/home/"};

std::optional<std::string_view> pool_of(std::string_view key) {
  key.remove_prefix(kPrefix.size());
  auto end = std::string_view::npos;
  for (const std::string_view kind : kKinds) end = std::min(end, key.rfind(kind));
  if (end == std::string_view::npos) return std::nullopt;
  return key.substr(0, end);
}

}  // namespace

Result<std::vector<FoundPool>> find_pools(Etcd& etcd) {
  std::vector<FoundPool> pools;
  KeyRange rest = KeyRange::prefix(std::string(kPrefix));
  while (true) {
    const auto reply = etcd.range({.keys = rest, .limit = 1, .keys_only = true}, {});
    if (!reply) return reply.error();
    if (reply->kvs.empty()) return pools;
    const std::string& key = reply->kvs.front().key;
    const auto pool = pool_of(key);
    if (!pool) {
      rest.begin = key + '\0';
      continue;
    }
    const auto slash = pool->rfind('/');
    const std::size_t pattern_at = slash == std::string_view::npos ? 0 : slash + 1;
    FoundPool found{std::string(pool->substr(0, pattern_at)), std::string(pool->substr(pattern_at))};
    // Past all keys of the pool: '0' is the byte after '/'.
    rest.begin = fmt::format("{}{}0", kPrefix, *pool);
    pools.push_back(std::move(found));
  }
}

SlotId limit_seen(const PoolState& pool) {
  SlotId limit = 1;
  for (const PoolTicket& ticket : pool.queue) limit = std::max(limit, ticket.limit);
  for (const PoolNode& node : pool.nodes) limit = std::max(limit, node.slot);
  return std::min(limit, kMaxLimit);
}

std::vector<std::string> limit_warnings(const PoolState& pool, SlotId limit) {
  std::vector<std::string> warnings;
  for (const PoolNode& node : pool.nodes) {
    if (node.slot > limit)
      warnings.push_back(fmt::format("node {} has slot {}, above the limit {}; give all nodes the same limit",
                                     node.node_id, node.slot, limit));
  }
  for (const PoolTicket& ticket : pool.queue) {
    if (ticket.limit != 0 && ticket.limit != limit)
      warnings.push_back(fmt::format("node {} waits with the limit {}, not {}; give all nodes the same limit",
                                     ticket.node_id, ticket.limit, limit));
  }
  return warnings;
}

}  // namespace idetcd::tool
