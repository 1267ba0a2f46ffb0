#include "common/values/listen_address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <iterator>

namespace idetcd::app {
namespace {

Error wrong(std::string_view text, std::string_view why) {
  return {ErrorCode::kInvalidArgument, fmt::format("\"{}\" is not an address to listen on: {}; expected e.g. "
                                                   "127.0.0.1:53, [::1]:53, or :53 for all addresses",
                                                   text, why)};
}

// Host and port as they are written, the host without its brackets.
struct Pieces {
  std::string_view host;
  std::optional<std::string_view> port;
};

Result<Pieces> split(std::string_view text) {
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return wrong(text, "a bracket is never closed");
    const Pieces pieces{text.substr(1, close - 1), std::nullopt};
    const auto rest = text.substr(close + 1);
    if (!parse_ipv6(pieces.host)) return wrong(text, "there is no IPv6 address between the brackets");
    if (rest.empty()) return pieces;
    if (!rest.starts_with(':')) return wrong(text, "only a port may follow the bracket");
    return Pieces{pieces.host, rest.substr(1)};
  }
  if (parse_ipv6(text)) return Pieces{text, std::nullopt};
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return Pieces{text, std::nullopt};
  if (text.find(':', colon + 1) != std::string_view::npos)
    return wrong(text, "an IPv6 address with a port needs brackets");
  return Pieces{text.substr(0, colon), text.substr(colon + 1)};
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return port;
}

template <class Socket>
sockaddr_storage stored(const Socket& socket) {
  sockaddr_storage storage{};
  std::memcpy(&storage, &socket, sizeof socket);
  return storage;
}

}  // namespace

bool ListenAddress::wildcard() const {
  return !ip || *ip == IpAddress(Ipv4{}) || *ip == IpAddress(Ipv6{});
}

Result<ListenAddress> parse_listen_address(std::string_view text, std::uint16_t default_port) {
  if (text.empty()) return wrong(text, "it is empty");
  const auto pieces = split(text);
  if (!pieces) return pieces.error();
  ListenAddress address{std::nullopt, default_port};
  if (const auto v4 = parse_ipv4(pieces->host))
    address.ip = *v4;
  else if (const auto v6 = parse_ipv6(pieces->host))
    address.ip = *v6;
  else if (!pieces->host.empty() && pieces->host != "*")
    return wrong(text, fmt::format("\"{}\" is not an IP address", pieces->host));
  if (!pieces->port) return address;
  const auto port = parse_port(*pieces->port);
  if (!port) return wrong(text, fmt::format("\"{}\" is not a port", *pieces->port));
  address.port = *port;
  return address;
}

std::vector<IpAddress> reachable_addresses(std::span<const ListenAddress> listen,
                                           std::span<const IpAddress> advertised) {
  const auto listens_at = [&](const IpAddress& address) {
    return std::ranges::any_of(listen, [&](const ListenAddress& each) {
      const bool same_family = !each.ip || each.ip->index() == address.index();
      return each.ip == address || (same_family && each.wildcard());
    });
  };
  std::vector<IpAddress> reachable;
  std::ranges::copy_if(advertised, std::back_inserter(reachable), listens_at);
  if (!reachable.empty()) return reachable;
  for (const ListenAddress& each : listen) {
    const bool known = each.wildcard() || std::ranges::find(reachable, *each.ip) != reachable.end();
    if (!known) reachable.push_back(*each.ip);
  }
  return reachable;
}

std::string to_string(const ListenAddress& address) {
  return address.ip ? to_string(socket_address(address)) : fmt::format("*:{}", address.port);
}

std::string to_string(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = {};
  if (address.ss_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &address, sizeof in);
    inet_ntop(AF_INET, &in.sin_addr, text, sizeof text);
    return fmt::format("{}:{}", text, ntohs(in.sin_port));
  }
  sockaddr_in6 in{};
  std::memcpy(&in, &address, sizeof in);
  inet_ntop(AF_INET6, &in.sin6_addr, text, sizeof text);
  return fmt::format("[{}]:{}", text, ntohs(in.sin6_port));
}

sockaddr_storage socket_address(const ListenAddress& address) {
  if (const auto* v4 = address.ip ? std::get_if<Ipv4>(&*address.ip) : nullptr) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(address.port);
    std::memcpy(&in.sin_addr, v4->data(), v4->size());
    return stored(in);
  }
  sockaddr_in6 in{};
  in.sin6_family = AF_INET6;
  in.sin6_port = htons(address.port);
  if (const auto* v6 = address.ip ? std::get_if<Ipv6>(&*address.ip) : nullptr)
    std::memcpy(&in.sin6_addr, v6->data(), v6->size());
  return stored(in);
}

}  // namespace idetcd::app
