#include "common/values/rr_types.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace idetcd::app {
namespace {

// IANA's registry of DNS parameters, the types that queries have.
constexpr std::array<std::pair<std::string_view, std::uint16_t>, 41> kTypes{
    {{"A", 1},       {"NS", 2},      {"CNAME", 5},    {"SOA", 6},         {"PTR", 12},        {"HINFO", 13},
     {"MX", 15},     {"TXT", 16},    {"RP", 17},      {"AFSDB", 18},      {"SIG", 24},        {"KEY", 25},
     {"AAAA", 28},   {"LOC", 29},    {"SRV", 33},     {"NAPTR", 35},      {"KX", 36},         {"CERT", 37},
     {"DNAME", 39},  {"APL", 42},    {"DS", 43},      {"SSHFP", 44},      {"IPSECKEY", 45},   {"RRSIG", 46},
     {"NSEC", 47},   {"DNSKEY", 48}, {"DHCID", 49},   {"NSEC3", 50},      {"NSEC3PARAM", 51}, {"TLSA", 52},
     {"SMIMEA", 53}, {"CDS", 59},    {"CDNSKEY", 60}, {"OPENPGPKEY", 61}, {"SVCB", 64},       {"HTTPS", 65},
     {"SPF", 99},    {"IXFR", 251},  {"AXFR", 252},   {"ANY", 255},       {"CAA", 257}}};

}  // namespace

std::optional<std::uint16_t> parse_rr_type(std::string_view name) {
  const auto* const found = std::ranges::find(kTypes, name, &decltype(kTypes)::value_type::first);
  return found == kTypes.end() ? std::nullopt : std::optional(found->second);
}

std::string rr_type_name(std::uint16_t type) {
  const auto* const found = std::ranges::find(kTypes, type, &decltype(kTypes)::value_type::second);
  return found == kTypes.end() ? fmt::format("TYPE{}", type) : std::string(found->first);
}

}  // namespace idetcd::app
