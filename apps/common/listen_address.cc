#include "common/listen_address.h"

#include <arpa/inet.h>
#include <idetcd/record.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

namespace idetcd::app {
namespace {

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return port;
}

sockaddr_storage socket_address(const Ipv4& address, std::uint16_t port) {
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = htons(port);
  std::memcpy(&in.sin_addr, address.data(), address.size());
  sockaddr_storage storage{};
  std::memcpy(&storage, &in, sizeof in);
  return storage;
}

sockaddr_storage socket_address(const Ipv6& address, std::uint16_t port) {
  sockaddr_in6 in{};
  in.sin6_family = AF_INET6;
  in.sin6_port = htons(port);
  std::memcpy(&in.sin6_addr, address.data(), address.size());
  sockaddr_storage storage{};
  std::memcpy(&storage, &in, sizeof in);
  return storage;
}

}  // namespace

bool ListenAddress::wildcard() const noexcept {
  if (family == ListenFamily::kBoth) return true;
  if (family == ListenFamily::kIpv4) {
    sockaddr_in in{};
    std::memcpy(&in, &address, sizeof in);
    return in.sin_addr.s_addr == INADDR_ANY;
  }
  sockaddr_in6 in{};
  std::memcpy(&in, &address, sizeof in);
  return IN6_IS_ADDR_UNSPECIFIED(&in.sin6_addr) != 0;
}

Result<ListenAddress> parse_listen_address(std::string_view text) {
  const Error wrong{ErrorCode::kInvalidArgument, "listen address \"" + std::string(text) +
                                                     "\" cannot be read; write 127.0.0.1:53, [::1]:53, or :53 for all"};
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong;
  const auto port = parse_port(text.substr(colon + 1));
  std::string_view host = text.substr(0, colon);
  if (!port) return wrong;
  if (host.empty()) return ListenAddress{ListenFamily::kBoth, {}, *port};
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    const auto v6 = parse_ipv6(host.substr(1, host.size() - 2));
    if (!v6) return wrong;
    return ListenAddress{ListenFamily::kIpv6, socket_address(*v6, *port), *port};
  }
  const auto v4 = parse_ipv4(host);
  if (!v4) return wrong;
  return ListenAddress{ListenFamily::kIpv4, socket_address(*v4, *port), *port};
}

std::string to_string(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = {};
  if (address.ss_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &address, sizeof in);
    inet_ntop(AF_INET, &in.sin_addr, text, sizeof text);
    return std::string(text) + ":" + std::to_string(ntohs(in.sin_port));
  }
  sockaddr_in6 in{};
  std::memcpy(&in, &address, sizeof in);
  inet_ntop(AF_INET6, &in.sin6_addr, text, sizeof text);
  return "[" + std::string(text) + "]:" + std::to_string(ntohs(in.sin6_port));
}

std::string to_string(const ListenAddress& address) {
  if (address.family == ListenFamily::kBoth) return ":" + std::to_string(address.port);
  return to_string(address.address);
}

}  // namespace idetcd::app
