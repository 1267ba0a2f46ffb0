// Record: what a node publishes under its name.
//
// In etcd it is a JSON object. The members "ipv4", "ipv6" and "port" are the Go
// ancestor's, all of them strings; the others are ours, and readers that do not
// know them skip them:
//
//   {"ipv4":"10.0.0.1","ipv6":"fd00::1","port":"53",
//    "node":"host-7","ttl":20,"ports":{"grpc":2222},"meta":{"role":"ps"},
//    "more_ipv4":["10.1.0.1"],"more_ipv6":["fd01::1"]}
#pragma once

#include <idetcd/export.h>
#include <idetcd/result.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace idetcd {

using Ipv4 = std::array<std::uint8_t, 4>;   // network byte order
using Ipv6 = std::array<std::uint8_t, 16>;  // network byte order

// Strict: a dotted quad with no leading zeros (RFC 6943 3.1.1); RFC 4291 2.2 text, without
// a zone. Nothing around it is skipped.
IDETCD_EXPORT std::optional<Ipv4> parse_ipv4(std::string_view text) noexcept;
IDETCD_EXPORT std::optional<Ipv6> parse_ipv6(std::string_view text) noexcept;
IDETCD_EXPORT std::string to_string(const Ipv4& address);
IDETCD_EXPORT std::string to_string(const Ipv6& address);  // RFC 5952

// An IPv4 address as an IPv4-mapped IPv6 address, ::ffff:a.b.c.d (RFC 4291 2.5.5.2), and
// back; empty if `address` is not a mapped one.
IDETCD_EXPORT Ipv6 to_mapped(const Ipv4& address) noexcept;
IDETCD_EXPORT std::optional<Ipv4> from_mapped(const Ipv6& address) noexcept;

// A plain value. Its bounds hold for every Record that parse_record or at returned, and
// validate() checks them: at most 16 addresses of each family, 32 ports (named, not 0),
// 64 metadata entries, and 8 KiB of JSON in all.
struct IDETCD_EXPORT Record {
  // A record of these addresses, IPv4 and IPv6 in any order: Record::at({"10.0.0.1", "fd00::1"}).
  // kInvalidArgument names the text that is not an address, or the bound that is broken.
  static Result<Record> at(std::initializer_list<std::string_view> addresses);
  static Result<Record> at(std::span<const std::string> addresses);

  std::vector<Ipv4> ipv4{};  // the first one is the ancestor's "ipv4"
  std::vector<Ipv6> ipv6{};
  std::uint16_t port = 0;  // the node's DNS port (the ancestor's meaning); 0: not said

  std::string node{};                            // node id; empty: not said
  std::chrono::seconds ttl{0};                   // the lease's time to live; 0: not said
  std::map<std::string, std::uint16_t> ports{};  // service name -> port, e.g. "grpc" -> 2222
  std::map<std::string, std::string> meta{};     // free text for people and tools

  // The owner's fencing token, written when a claim's record is replaced; 0: the
  // record is as it was claimed, and its key's modification revision is the token.
  // Set by Claim; what a caller puts here is ignored.
  std::int64_t token = 0;

  bool operator==(const Record&) const = default;
};

inline constexpr std::size_t kMaxRecordBytes = 8 * 1024;

// Reads a record written by us or by the Go ancestor. Unknown members and null ones are
// skipped. Anything else that does not fit is kInvalidArgument, naming the member.
IDETCD_EXPORT Result<Record> parse_record(std::string_view json);

// kInvalidArgument, naming the member and the bound, if `record` breaks one.
IDETCD_EXPORT Status validate(const Record& record);

// The JSON text, one line, members in a fixed order; absent values are left out.
IDETCD_EXPORT std::string to_json(const Record& record);

}  // namespace idetcd
