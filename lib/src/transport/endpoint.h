// Endpoints: what the user wrote, checked, in the form that gRPC takes.
#pragma once

#include <idetcd/result.h>

#include <string>
#include <string_view>
#include <vector>

namespace idetcd::internal::transport {

struct Endpoint {
  std::string url;     // "http://10.0.0.1:2379", for messages
  std::string target;  // "dns:///10.0.0.1:2379", for gRPC

  bool operator==(const Endpoint&) const = default;
};

struct Endpoints {
  std::vector<Endpoint> members;  // never empty, at most 64
  bool tls = false;
};

// kInvalidArgument names the endpoint that is wrong, and says what to write instead.
Result<Endpoints> parse_endpoints(const std::vector<std::string>& texts);

}  // namespace idetcd::internal::transport
