// What the daemon tells about itself, in Prometheus' text format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "dns_server.h"
#include "zone_builder.h"

namespace idetcd::resolver {

// Everything at one moment; a plain value.
struct Stats {
  DnsServerTotals dns{};
  ZoneTotals zone{};
  std::size_t malformed_records = 0;  // left out of the zone
  std::int64_t etcd_revision = 0;     // as of the zone
  bool etcd_live = false;
  double etcd_behind_seconds = 0;  // 0 when live
  bool claims = true;              // whether this node takes a name at all
  bool claim_held = false;
  std::uint32_t claim_slot = 0;    // of the last claim; 0: none yet
  std::uint64_t claims_total = 0;  // how often a name was taken or regained
  std::uint64_t claim_losses_total = 0;
};

// A pure function.
std::string to_prometheus(const Stats& stats);

// Ready to be asked: the records were read, and the name is held if one is wanted.
bool is_ready(const Stats& stats);

}  // namespace idetcd::resolver
