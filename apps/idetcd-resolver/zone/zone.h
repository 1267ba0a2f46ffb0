// Zone: all the zones this server has authority for, at one moment. Immutable; the
// answer path holds it through a Snapshot and asks it two things: what is at this
// name, and which zone's SOA says that there is nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "zone/name_table.h"

namespace idetcd::resolver {

// How much the records can be trusted to be etcd's present ones.
enum class Freshness : std::uint8_t {
  kLive,
  kStale,    // served on, and said so (EDE 3)
  kExpired,  // older than max-stale: SERVFAIL
};

// A zone's apex and its SOA, the same in every version.
struct Zone {
  std::vector<std::byte> apex{};  // wire format, lower case
  // SOA without the owner pointer: TYPE .. RDATA. Both names in it end in a pointer to
  // the apex (RFC 1035 4.1.4), at these offsets, which the answer fills in.
  std::vector<std::byte> soa{};
  std::uint16_t mname_pointer = 0;
  std::uint16_t rname_pointer = 0;
  std::uint16_t serial = 0;        // offset of the serial
  std::uint32_t ttl = 0;           // of the SOA when it is asked for
  std::uint32_t negative_ttl = 0;  // of the SOA in a negative answer (RFC 2308 3)
};

class ZoneSet {
 public:
  using Zones = std::vector<Zone>;

  // `cuts`: longest apex first.
  ZoneSet(std::shared_ptr<const NameVersion> names, std::shared_ptr<const Zones> cuts, std::uint32_t serial,
          Freshness freshness)
      : names_(std::move(names)), zones_(std::move(cuts)), serial_(serial), freshness_(freshness) {}

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
