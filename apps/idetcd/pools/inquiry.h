// What a subcommand looks at: the pools that flags, environment or Corefile name, else those
// that are found in etcd.
#pragma once

#include <idetcd/etcd.h>
#include <idetcd/log.h>

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "common/configuration/load_settings.h"
#include "pools/pool_listing.h"

namespace idetcd::tool {

struct Inquiry {
  app::Settings settings;
  LogSink log;
  std::shared_ptr<Etcd> etcd;
  bool told = false;  // which pools are meant
};

// Throws app::Exit if a setting is wrong. Does not wait for etcd.
Inquiry open_inquiry(const app::GivenFlags& given);

// Each read once, in the order of the settings or of etcd's keys; at least one. What says that
// nodes have different limits is logged. Blocks; throws app::Exit for an error of etcd's.
std::vector<ListedPool> read_pools(const Inquiry& inquiry);

// The only one. Throws app::Exit, with the choice, if there are several: `what` needs one.
ListedPool read_only_pool(const Inquiry& inquiry, std::string_view what);

// A name of a pool.
struct FoundName {
  const ListedPool& pool;
  SlotId slot;
  const PoolName* taken;  // null: it is free
};

// `text` is a name, with or without the dot at its end, or, where there is one pool, a slot. Throws
// app::Exit if no pool has it. The pools must outlive the result.
FoundName find_name(std::span<const ListedPool> pools, std::string_view text);

}  // namespace idetcd::tool
