// Reading single values of the configuration: numbers, durations, names.
//
// Pure functions of their text. An Error's message says what is wrong with the
// value and what to write instead; the caller puts in front where it was set.
#pragma once

#include <idetcd/pattern_template.h>
#include <idetcd/result.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
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

// A port where a service listens: 1..65535.
Result<std::uint16_t> parse_service_port(std::string_view text);

// The library admits any names of ports and any metadata that fit a record; these are the
// bounds of what DNS can publish.
inline constexpr std::size_t kMaxServiceName = 62;  // a label has 63, with the underscore
inline constexpr std::size_t kMaxTxtString = 255;   // RFC 1035 3.3

// What may stand after the underscore in "_grpc._tcp.worker1.tf.local.": lower-case letters,
// digits and inner hyphens, at most kMaxServiceName of them. Stricter than the resolver,
// which also publishes what others write.
Status check_service_name(std::string_view text);

// One string of a TXT record, "KEY=VALUE"; not one that the record has anyway.
Status check_meta(std::string_view key, std::string_view value);

}  // namespace idetcd::app
