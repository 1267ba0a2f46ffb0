// worker1.tf.local. .. workerN.tf.local., each with one IPv4 and one IPv6 address.
#pragma once

#include <idetcd/pattern_template.h>

#include "idetcd-resolver/encode/zone_builder.h"

namespace idetcd::bench {

inline NamedRecord synthetic_record(SlotId slot) {
  NamedRecord named;
  named.slot = slot;
  named.token = slot;
  named.record.ipv4.push_back({10, static_cast<std::uint8_t>(slot >> 16), static_cast<std::uint8_t>(slot >> 8),
                               static_cast<std::uint8_t>(slot)});
  Ipv6 address{0xfd};
  address[13] = static_cast<std::uint8_t>(slot >> 16);
  address[14] = static_cast<std::uint8_t>(slot >> 8);
  address[15] = static_cast<std::uint8_t>(slot);
  named.record.ipv6.push_back(address);
  return named;
}

// A builder that has them all, not committed yet.
inline resolver::ZoneBuilder synthetic_zone(SlotId names, bool with_ports = false) {
  resolver::ZoneOptions options;
  options.pools.push_back({PatternTemplate::parse("worker{{.ID}}.tf.local.", names).value(), {}});
  if (with_ports) options.pools.front().pool_name = "workers.tf.local.";
  auto builder = resolver::ZoneBuilder::create(std::move(options)).value();
  for (SlotId slot = 1; slot <= names; ++slot) {
    NamedRecord record = synthetic_record(slot);
    if (with_ports) record.record.ports["grpc"] = 2222;
    builder.set(0, slot, &record);
  }
  return builder;
}

}  // namespace idetcd::bench
