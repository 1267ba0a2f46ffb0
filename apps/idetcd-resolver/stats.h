// The daemon's metrics, in Prometheus' text format.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "answer/forwarder.h"
#include "encode/zone_builder.h"
#include "server/dns_server.h"
#include "zone/zone_set.h"

namespace idetcd::resolver {

// One pool; a plain value.
struct PoolStats {
  std::string pool{};  // the pattern's canonical text
  std::uint32_t limit = 0;
  std::size_t members = 0;            // slots that are taken
  std::size_t malformed_records = 0;  // left out of the zone
  std::int64_t etcd_revision = 0;     // as of its records; 0: not read yet
  bool etcd_live = false;
  double etcd_behind_seconds = 0;  // 0 when live
  bool claims = true;              // whether this node takes a name in it at all
  bool claim_held = false;
  std::uint32_t claim_slot = 0;    // of the last claim; 0: none yet
  std::size_t queue_position = 0;  // where it waits for a name; 0: it does not wait
  std::uint64_t claims_total = 0;  // how often a name was taken or regained
  std::uint64_t claim_losses_total = 0;
};

// Everything at one moment; a plain value.
struct Stats {
  DnsServerTotals dns{};
  ZoneTotals zone{};
  std::optional<ForwardTotals> forward{};  // none: nothing is forwarded
  std::vector<PoolStats> pools{};
};

// A pure function.
std::string to_prometheus(const Stats& stats);

// That of the pool that is furthest behind. Expired: a pool has not been read yet, or is
// behind for as long as `max_stale` (none: without limit; 0: it is not live).
Freshness freshness_of(std::span<const PoolStats> pools, std::optional<std::chrono::seconds> max_stale);

// Whether clients should be sent to this node, and why.
struct Readiness {
  bool ready = true;
  std::string text{};  // READY or NOT READY, then a line for each condition: "ok: ..." or "not ready: ..."
};

// Ready: the records of every pool were read and are not past `max_stale`, and every wanted name was held once. While
// etcd is away the last records are served and the names stay, so a node that was ready stays ready.
Readiness readiness_of(std::span<const PoolStats> pools, std::optional<std::chrono::seconds> max_stale);

}  // namespace idetcd::resolver
