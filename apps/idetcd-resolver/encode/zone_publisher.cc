#include "encode/zone_publisher.h"

#include <malloc.h>

#include <algorithm>
#include <utility>

namespace idetcd::resolver {
namespace {

constexpr std::size_t kManyChanges = 10'000;

// Reading and encoding a whole listing takes megabytes that are not needed again until the next.
void give_back_memory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

}  // namespace

Result<std::unique_ptr<ZonePublisher>> ZonePublisher::create(ZoneOptions options) {
  auto builder = ZoneBuilder::create(std::move(options));
  if (!builder) return builder.error();
  return std::unique_ptr<ZonePublisher>(new ZonePublisher(std::move(*builder)));
}

ZonePublisher::ZonePublisher(ZoneBuilder builder) : builder_(std::move(builder)), zones_(builder_.commit(0)) {}

void ZonePublisher::apply(std::size_t pool, const RecordSet& set, std::span<const SlotId> changed) {
  std::lock_guard lock(mutex_);
  for (const SlotId slot : changed) {
    const auto record = set.find(slot);
    builder_.set(pool, slot, record ? &*record : nullptr);
  }
  revision_ = std::max(revision_, set.revision());
  zones_.publish(builder_.commit(static_cast<std::uint32_t>(revision_)));
  if (changed.size() >= kManyChanges) give_back_memory();
}

void ZonePublisher::set_freshness(Freshness freshness) {
  std::lock_guard lock(mutex_);
  if (std::exchange(freshness_, freshness) == freshness) return;
  builder_.set_freshness(freshness);
  zones_.publish(builder_.commit(static_cast<std::uint32_t>(revision_)));
}

ZoneTotals ZonePublisher::totals() const {
  std::lock_guard lock(mutex_);
  return builder_.totals();
}

}  // namespace idetcd::resolver
