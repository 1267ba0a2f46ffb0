// Names between text and wire: lower case, absolute, no escapes.
#pragma once

#include <idetcd/network.h>
#include <idetcd/record.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/name_hash.h"

namespace idetcd::resolver {

using Bytes = std::vector<std::byte>;

// "worker3.tf.local." (the last dot may be missing; "." is the root) in wire format.
// Empty if it is no name: an empty label, one over 63 bytes, over 255 in all, a byte
// that is not printable ASCII, or a backslash.
std::optional<Bytes> to_wire(std::string_view text);

std::string to_text(WireName name);

// `label` in front of `name`; empty if that is too long.
std::optional<Bytes> prepend(std::string_view label, WireName name);

// Without its first label. Precondition: not the root.
WireName parent_of(WireName name) noexcept;

// Whether `name` is `zone` or lies below it.
bool lies_in(WireName name, WireName zone) noexcept;

// The name that holds an address's PTR records (RFC 1035 3.5, RFC 3596 2.5).
Bytes reverse_name(const Ipv4& address);
Bytes reverse_name(const Ipv6& address);

// The zone a network's reverse names lie in: that of 10.0.0.0/8 is 10.in-addr.arpa. Empty
// if its prefix is not whole labels: a multiple of 8 for IPv4, of 4 for IPv6.
std::optional<Bytes> reverse_zone(const Network& network);

}  // namespace idetcd::resolver
