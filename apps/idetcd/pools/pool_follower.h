// One pool, followed for as long as somebody looks.
#pragma once

#include <idetcd/pool.h>
#include <idetcd/record_store.h>

#include <functional>
#include <memory>
#include <stop_token>

#include "pools/inquiry.h"

namespace idetcd::tool {

// As RecordStore has it; `before` is the set of the last call.
using OnPoolChange =
    std::function<void(const RecordSet& before, const RecordSet& now, std::span<const SlotId> changed)>;

// Blocks until the first listing, or until `stop`: then null. Throws app::Exit for an error of etcd's.
std::unique_ptr<RecordStore> follow(const Inquiry& inquiry, const ListedPool& pool, OnPoolChange on_change,
                                    std::stop_token stop);

}  // namespace idetcd::tool
