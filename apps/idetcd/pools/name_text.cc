#include "pools/name_text.h"

#include <fmt/format.h>

#include <cstdint>
#include <nlohmann/json.hpp>

namespace idetcd::tool {

using json = nlohmann::ordered_json;  // members as written here

std::vector<std::string> addresses_of(const Record& record) {
  std::vector<std::string> all;
  for (const Ipv4& v4 : record.ipv4) all.push_back(to_string(v4));
  for (const Ipv6& v6 : record.ipv6) all.push_back(to_string(v6));
  return all;
}

std::string hexadecimal(LeaseId lease) {
  return fmt::format("{:x}", static_cast<std::uint64_t>(lease));
}

json to_json(const PoolName& name) {
  json out{{"slot", name.slot}, {"name", name.name}, {"token", name.token}, {"lease", hexadecimal(name.lease)}};
  if (!name.malformed.empty()) {
    out["error"] = name.malformed;
    return out;
  }
  out["node"] = name.record.node;
  out["ttl"] = name.record.ttl.count();
  out["port"] = name.record.port;
  out["ipv4"] = json::array();
  out["ipv6"] = json::array();
  for (const Ipv4& v4 : name.record.ipv4) out["ipv4"].push_back(to_string(v4));
  for (const Ipv6& v6 : name.record.ipv6) out["ipv6"].push_back(to_string(v6));
  out["ports"] = name.record.ports;
  out["meta"] = name.record.meta;
  return out;
}

std::string dump(const json& value, int indent) {
  return value.dump(indent, ' ', true, json::error_handler_t::replace) + "\n";
}

}  // namespace idetcd::tool
