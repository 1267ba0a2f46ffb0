// ListenAddress: where a server listens, parsed once from "127.0.0.1:53",
// "[::1]:53", "0.0.0.0:53" or ":1053". The last form means every address of the
// machine, IPv4 and, where the kernel has it, IPv6. Port 0 lets the kernel choose.
#pragma once

#include <idetcd/result.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace idetcd::app {

enum class ListenFamily { kIpv4, kIpv6, kBoth };

// A plain value. For kBoth `address` is not used.
struct ListenAddress {
  ListenFamily family = ListenFamily::kBoth;
  sockaddr_storage address{};
  std::uint16_t port = 53;

  bool wildcard() const noexcept;
};

// kInvalidArgument names the text and shows the accepted forms. Names are not looked up.
Result<ListenAddress> parse_listen_address(std::string_view text);

// "127.0.0.1:53", "[::1]:53", ":53".
std::string to_string(const ListenAddress& address);
std::string to_string(const sockaddr_storage& address);

}  // namespace idetcd::app
