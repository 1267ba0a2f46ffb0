// ZoneBuilder: turns records into the immutable ZoneSet that the answer path reads.
//
// A commit costs the changed names, not the zone: versions share all the rest. What no
// version uses any more is freed by a later commit, on its caller's thread.
#pragma once

#include <idetcd/pattern_template.h>
#include <idetcd/record_store.h>
#include <idetcd/result.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "zone/zone_set.h"

namespace idetcd::resolver {

struct PoolOptions {
  PatternTemplate pattern;
  std::string pool_name{};  // e.g. "all.tf.local.": has the addresses of all taken slots; empty: none
};

struct ZoneOptions {
  std::vector<PoolOptions> pools{};
  // "10.in-addr.arpa.", "10.0.0.0/8" (whole labels only) or "fd00::/8" (whole nibbles).
  std::vector<std::string> reverse_zones{};
  std::chrono::seconds ttl{5};           // of every record; a record's own lease TTL may lower it
  std::chrono::seconds negative_ttl{2};  // RFC 2308
  // The one NS of every zone is "ns.<zone>"; these are its addresses: those at
  // which this server listens.
  std::vector<Ipv4> nameserver_ipv4{};
  std::vector<Ipv6> nameserver_ipv6{};
};

inline constexpr std::size_t kMaxRrsetRecords = 100;  // as BIND's max-records-per-type

// What the zones hold, and what was left out of them, as of the last commit.
struct ZoneTotals {
  std::size_t names = 0;        // that exist, with records or without
  std::size_t over_limit = 0;   // records left out of RRsets that have kMaxRrsetRecords
  std::size_t unencodable = 0;  // ports and TXT strings that DNS cannot carry: a bad service name, or too long
};

// For one thread at a time. A committed ZoneSet may outlive the builder.
class ZoneBuilder {
 public:
  // kInvalidArgument if a pool name or a reverse zone is not usable, or if two pools, or
  // a pool and its zone, need the same name.
  static Result<ZoneBuilder> create(ZoneOptions options);
  ZoneBuilder(ZoneBuilder&&) noexcept;
  ZoneBuilder& operator=(ZoneBuilder&&) noexcept;
  ~ZoneBuilder();

  // `slot` of pool `pool` (index into ZoneOptions::pools) now has this record; null: it
  // is free. Precondition: 1 <= slot <= that pattern's limit. Published by commit().
  void set(std::size_t pool, SlotId slot, const NamedRecord* record);

  // How the next commit's ZoneSet answers: see Freshness.
  void set_freshness(Freshness freshness);

  // The zones with all changes so far. `serial`: etcd's revision modulo 2^32.
  std::shared_ptr<const ZoneSet> commit(std::uint32_t serial);

  ZoneTotals totals() const;

 private:
  class Impl;
  explicit ZoneBuilder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace idetcd::resolver
