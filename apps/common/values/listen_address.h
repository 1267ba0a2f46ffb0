// ListenAddress: where a server listens.
#pragma once

#include <idetcd/network.h>
#include <idetcd/result.h>
#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace idetcd::app {

// A plain value. Port 0 lets the kernel choose.
struct ListenAddress {
  std::optional<IpAddress> ip;  // none: every address of the machine, IPv4 and, where the kernel has it, IPv6
  std::uint16_t port = 53;

  bool operator==(const ListenAddress&) const = default;

  // Whether this is every address of at least one family.
  bool wildcard() const;
};

// "127.0.0.1:53", "[::1]:53", ":53" or "*:53" for all; or an address or "*" alone, with
// `default_port`. kInvalidArgument quotes the text. Names are not looked up.
Result<ListenAddress> parse_listen_address(std::string_view text, std::uint16_t default_port = 53);

// Where clients reach a server that listens on `listen`, on a machine known by `advertised`:
// the advertised addresses at which it listens, or else, if there are none, the addresses
// that it does listen on. A wildcard listens at every advertised address of its family.
std::vector<IpAddress> reachable_addresses(std::span<const ListenAddress> listen,
                                           std::span<const IpAddress> advertised);

// "127.0.0.1:53", "[::1]:53", "*:53".
std::string to_string(const ListenAddress& address);
std::string to_string(const sockaddr_storage& address);

// For bind(). Without an ip: the wildcard address of IPv6.
sockaddr_storage socket_address(const ListenAddress& address);

}  // namespace idetcd::app
