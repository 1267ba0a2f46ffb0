// Who may ask: lists of networks in CIDR notation.
#pragma once

#include <idetcd/record.h>
#include <idetcd/result.h>

#include <string>
#include <string_view>
#include <vector>

namespace idetcd::app {

// IPv4 is asked for and kept as IPv4-mapped IPv6 (RFC 4291 2.5.5.2), so that a dual-stack
// socket and an IPv4 one name the same peer alike. An immutable value; safe to read from any thread. No allocation when
// asked.
class NetworkList {
 public:
  NetworkList() = default;

  // "10.0.0.0/8", "fd00::/8", or a bare address. kInvalidArgument names the text,
  // also when bits are set behind the prefix.
  static Result<NetworkList> parse(const std::vector<std::string>& networks);

  bool empty() const noexcept { return networks_.empty(); }
  bool contains(const Ipv6& address) const noexcept;

 private:
  struct Network {
    Ipv6 address{};
    unsigned bits = 0;  // of 128
  };
  std::vector<Network> networks_;
};

}  // namespace idetcd::app
