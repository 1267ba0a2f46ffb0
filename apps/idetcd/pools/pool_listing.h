// The formats of `idetcd ls`.
#pragma once

#include <idetcd/pattern_template.h>
#include <idetcd/pool.h>

#include <optional>
#include <span>
#include <string>

namespace idetcd::tool {

struct ListedPool {
  std::string path;
  PatternTemplate pattern;
  std::optional<SlotId> limit;  // none: nobody told it
  PoolState state;
};

enum class ListFormat { kTable, kWide, kJson, kJsonLines, kNames, kHosts };

// Prints to stdout. What others wrote into etcd is escaped. JSON: one object if `single`, else an array of them.
void print_pools(std::span<const ListedPool> pools, ListFormat format, bool single);

}  // namespace idetcd::tool
