// ZonePublisher: several pools' RecordStores in, one published ZoneSet out.
#pragma once

#include <idetcd/record_store.h>
#include <idetcd/snapshot.h>

#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "encode/zone_builder.h"

namespace idetcd::resolver {

// All members are safe to call from any thread; the stores' callbacks call apply().
class ZonePublisher {
 public:
  // As ZoneBuilder::create. The zones answer (SOA, NXDOMAIN ...) from the start.
  static Result<std::unique_ptr<ZonePublisher>> create(ZoneOptions options);

  // Brings pool `pool` to `set`, of which the slots `changed` differ from the last
  // call's, and publishes once. The serial is the greatest revision seen.
  void apply(std::size_t pool, const RecordSet& set, std::span<const SlotId> changed);

  // Publishes only if it differs from now.
  void set_freshness(Freshness freshness);

  const Snapshot<ZoneSet>& zones() const noexcept { return zones_; }
  ZoneTotals totals() const;

 private:
  explicit ZonePublisher(ZoneBuilder builder);

  mutable std::mutex mutex_;
  ZoneBuilder builder_;                     // guarded by mutex_
  Revision revision_ = 0;                   // guarded by mutex_
  Freshness freshness_ = Freshness::kLive;  // guarded by mutex_
  Snapshot<ZoneSet> zones_;
};

}  // namespace idetcd::resolver
