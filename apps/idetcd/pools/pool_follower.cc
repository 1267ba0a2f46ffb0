#include "pools/pool_follower.h"

#include <utility>

#include "common/system/exit_status.h"

namespace idetcd::tool {

std::unique_ptr<RecordStore> follow(const Inquiry& inquiry, const ListedPool& pool, OnPoolChange on_change,
                                    std::stop_token stop) {
  RecordStoreOptions options{.pattern = pool.pattern, .path = pool.path, .log = inquiry.log};
  options.on_change = [on_change = std::move(on_change), before = RecordSet()](
                          const RecordSet& now, std::span<const SlotId> changed) mutable {
    on_change(before, now, changed);
    before = now;
  };
  auto store = RecordStore::open(inquiry.etcd, std::move(options), std::move(stop));
  if (store) return std::move(*store);
  if (store.error().code == ErrorCode::kCancelled) return nullptr;
  throw app::Exit(store.error());
}

}  // namespace idetcd::tool
