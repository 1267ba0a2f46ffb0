// The names of record types, as queries have them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace idetcd::app {

// "AAAA" is 28; upper case only, as in CoreDNS. None: it is not a type that is known here.
std::optional<std::uint16_t> parse_rr_type(std::string_view name);

// "TYPE65280" for one that has no name here (RFC 3597 5).
std::string rr_type_name(std::uint16_t type);

}  // namespace idetcd::app
