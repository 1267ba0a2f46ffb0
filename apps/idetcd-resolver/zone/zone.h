// Zone: what a negative answer needs of one zone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace idetcd::resolver {

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

}  // namespace idetcd::resolver
