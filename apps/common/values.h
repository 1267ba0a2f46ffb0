// Reading single values of the configuration: numbers, durations, addresses.
//
// Pure functions of their text. An Error's message says what is wrong with the
// value and what to write instead; the caller puts in front where it stood.
#pragma once

#include <idetcd/pattern_template.h>
#include <idetcd/record.h>
#include <idetcd/result.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace idetcd::app {

// "a, b,c" -> a b c; blanks around an item and empty items are dropped.
std::vector<std::string> split_list(std::string_view text);

// As split_list, but a comma between {{ and }} belongs to its pattern.
std::vector<std::string> split_patterns(std::string_view text);

// The number of nodes a pool may have: 1..kMaxLimit.
Result<SlotId> parse_limit(std::string_view text);

// 0..most.
Result<unsigned> parse_count(std::string_view text, unsigned most);

// "20" (seconds), "20s", "1m30s", "2h", "1d"; whole seconds, at most ten years.
Result<std::chrono::seconds> parse_duration(std::string_view text);

// An address to listen on. An empty host is every address, IPv4 and IPv6.
struct HostPort {
  std::string host;
  std::uint16_t port = 0;

  bool operator==(const HostPort&) const = default;
};

// "127.0.0.1:1053", "[::1]:53", ":53", or without a port, which is then
// `default_port`. The host is a literal address; port 0 asks for a free one.
Result<HostPort> parse_listen(std::string_view text, std::uint16_t default_port);

// "127.0.0.1:53", "[::1]:53", "*:53".
std::string to_string(const HostPort& address);

// Checks the shape of "http://host:2379", "https://host:2379" or "host:2379".
Status check_endpoint(std::string_view text);

using IpAddress = std::variant<Ipv4, Ipv6>;

// An address that a node may advertise: any but the unspecified and multicast ones.
Result<IpAddress> parse_advertised(std::string_view text);

std::string to_string(const IpAddress& address);

// "10.0.0.0/8", "fd00::/8".
struct Network {
  IpAddress base;
  unsigned prefix_length = 0;

  bool operator==(const Network&) const = default;
  bool contains(const IpAddress& address) const noexcept;
};

Result<Network> parse_network(std::string_view text);

// A port where a service listens: 1..65535.
Result<std::uint16_t> parse_service_port(std::string_view text);

// What may stand after the underscore in "_grpc._tcp.worker1.tf.local.": lower-case
// letters, digits and inner hyphens, at most 62 of them.
Status check_service_name(std::string_view text);

// One string of a TXT record, "KEY=VALUE"; not one that the record has anyway.
Status check_meta(std::string_view key, std::string_view value);

// Letters, digits, '-', '_', '.', ':'; 1 to 128 of them.
Status check_node_id(std::string_view text);

}  // namespace idetcd::app
