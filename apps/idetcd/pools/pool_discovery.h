// Which pools there are in an etcd, found by the entries of their nodes.
#pragma once

#include <idetcd/etcd.h>
#include <idetcd/pool.h>

#include <string>
#include <vector>

namespace idetcd::tool {

// A pool as its nodes' entries have it. One that only nodes of the ancestor use has no entries, and is not found.
struct FoundPool {
  std::string path;
  std::string pattern;  // canonical

  bool operator==(const FoundPool&) const = default;
};

// Every pool, under every path, in the order of their keys. Asks etcd once for each. Blocks.
Result<std::vector<FoundPool>> find_pools(Etcd& etcd);

// The greatest number of nodes that anything in the pool speaks of: a ticket's limit or a taken slot; at least 1.
SlotId limit_seen(const PoolState& pool);

// What says that nodes have other limits than `limit`, a sentence each.
std::vector<std::string> limit_warnings(const PoolState& pool, SlotId limit);

}  // namespace idetcd::tool
