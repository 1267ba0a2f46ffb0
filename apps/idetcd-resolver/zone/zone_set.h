// ZoneSet: all the zones this server has authority for, at one moment. The answer path
// holds it through a Snapshot and asks it two things: the records of a name, and which
// zone's SOA goes into a negative answer.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "zone/name_table.h"
#include "zone/zone.h"

namespace idetcd::resolver {

// Whether the records are those that etcd holds now.
enum class Freshness : std::uint8_t {
  kLive,
  kStale,    // still served, marked as stale (RFC 8914, code 3)
  kExpired,  // older than max-stale: SERVFAIL
};

// Immutable; any thread may read it.
class ZoneSet {
 public:
  using Zones = std::vector<Zone>;

  // `zones`: longest apex first.
  ZoneSet(std::shared_ptr<const NameVersion> names, std::shared_ptr<const Zones> zones, std::uint32_t serial,
          Freshness freshness)
      : names_(std::move(names)), zones_(std::move(zones)), serial_(serial), freshness_(freshness) {}

  const NameVersion& names() const noexcept { return *names_; }

  // The deepest zone that `name` (lower case) lies in; null if outside all.
  const Zone* enclosing(WireName name) const noexcept;

  std::uint32_t serial() const noexcept { return serial_; }
  Freshness freshness() const noexcept { return freshness_; }

 private:
  std::shared_ptr<const NameVersion> names_;
  std::shared_ptr<const Zones> zones_;
  std::uint32_t serial_;
  Freshness freshness_;
};

}  // namespace idetcd::resolver
