#include "transport/endpoint.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace idetcd::internal::transport {
namespace {

constexpr std::size_t kMaxEndpoints = 64;

// The pieces of "scheme://host:port"; the views point into the user's text.
struct Pieces {
  bool tls = false;
  std::string_view host;  // with its brackets, when it is an IPv6 address
  std::string_view port;
};

Error refused(std::string message) {
  return {ErrorCode::kInvalidArgument, std::move(message), "endpoints"};
}

Error refused(std::string_view text, std::string_view why) {
  return refused(fmt::format("endpoint \"{}\": {}", text, why));
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

bool is_ipv6_address(std::string_view text) {
  in6_addr address;
  return inet_pton(AF_INET6, std::string(text).c_str(), &address) == 1;
}

Result<std::string_view> without_scheme(std::string_view text, bool& tls) {
  const auto colon = text.find("://");
  if (colon == std::string_view::npos) return text;
  const auto scheme = text.substr(0, colon);
  tls = scheme == "https";
  if (!tls && scheme != "http") {
    return refused(text, fmt::format("unknown scheme \"{}\"; write http://host:2379 or https://host:2379", scheme));
  }
  return text.substr(colon + 3);
}

Status check_host(std::string_view text, std::string_view host) {
  if (host.empty()) return refused(text, "the host is missing; write e.g. http://localhost:2379");
  if (host.front() == '[') {
    if (!is_ipv6_address(host.substr(1, host.size() - 2)))
      return refused(text, "what is between the brackets is not an IPv6 address");
    return {};
  }
  if (host.find(':') != std::string_view::npos) {
    return refused(text, "an IPv6 address must be in brackets, e.g. http://[::1]:2379");
  }
  if (!std::all_of(host.begin(), host.end(), is_name_character)) {
    return refused(text, fmt::format("\"{}\" is neither a host name nor an address", host));
  }
  return {};
}

Status check_port(std::string_view text, std::string_view port) {
  if (port.empty()) return refused(text, "the port is missing; etcd usually listens on 2379");
  unsigned number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc() || end != port.data() + port.size() || number < 1 || number > 65535) {
    return refused(text, fmt::format("bad port \"{}\"; a port is a number from 1 to 65535", port));
  }
  return {};
}

Result<Pieces> split(std::string_view text) {
  Pieces pieces;
  auto rest = without_scheme(text, pieces.tls);
  if (!rest) return std::move(rest).error();
  auto address = *rest;
  if (address.ends_with('/')) address.remove_suffix(1);  // "http://host:2379/" is the same place
  if (address.find_first_of("/?#") != std::string_view::npos) {
    return refused(text, "a path is not allowed; write scheme, host and port only");
  }
  if (address.find('@') != std::string_view::npos) {
    return refused(text, "user and password do not belong in the endpoint; use their own options");
  }
  const auto bracket = address.rfind(']');
  const auto colon = address.rfind(':');
  const bool has_port = colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  pieces.host = address.substr(0, has_port ? colon : address.size());
  pieces.port = has_port ? address.substr(colon + 1) : std::string_view{};
  return pieces;
}

}  // namespace

Result<Endpoints> parse_endpoints(const std::vector<std::string>& texts) {
  if (texts.empty()) {
    return refused("no etcd endpoint is given; expected at least one, e.g. http://localhost:2379");
  }
  if (texts.size() > kMaxEndpoints) {
    return refused(fmt::format("{} etcd endpoints are given; at most {} are allowed", texts.size(), kMaxEndpoints));
  }
  Endpoints endpoints;
  for (const auto& text : texts) {
    if (text.empty()) {
      return refused("an etcd endpoint is empty; look for a comma too many in the list");
    }
    auto pieces = split(text);
    if (!pieces) return std::move(pieces).error();
    if (auto ok = check_host(text, pieces->host); !ok) return std::move(ok).error();
    if (auto ok = check_port(text, pieces->port); !ok) return std::move(ok).error();
    if (!endpoints.members.empty() && pieces->tls != endpoints.tls) {
      return refused(text, fmt::format("http and https are mixed; \"{}\" comes before it", texts.front()));
    }
    endpoints.tls = pieces->tls;
    const auto address = fmt::format("{}:{}", pieces->host, pieces->port);
    endpoints.members.push_back({(pieces->tls ? "https://" : "http://") + address, "dns:///" + address});
  }
  return endpoints;
}

}  // namespace idetcd::internal::transport
