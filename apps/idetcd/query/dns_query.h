// One DNS question to one server, as `dig @SERVER -p PORT NAME TYPE` asks it.
#pragma once

#include <idetcd/result.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace idetcd::tool {

enum class QueryType { kA, kAaaa };

struct DnsQuery {
  std::string server;  // an address in numbers
  std::uint16_t port = 53;
  std::string name;
  QueryType type = QueryType::kA;
};

struct DnsReply {
  std::string rcode;                   // "NOERROR", "NXDOMAIN" ...
  std::vector<std::string> addresses;  // of the asked type, in order
  std::uint32_t ttl = 0;               // of the first address
};

// Blocks, at most about one second. kUnavailable: no answer.
Result<DnsReply> ask(const DnsQuery& query);

}  // namespace idetcd::tool
