// What the servers know about answering: what a request brings with it, what a reply
// is, and the policy an operator may set. No zones, no DNS records.
#pragma once

#include <idetcd/record.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "answer/acl.h"
#include "common/values/networks.h"
#include "wire/cookie.h"
#include "wire/wire.h"

namespace idetcd::resolver {

class Forwarder;
class QueryTap;

enum class Transport : std::uint8_t { kUdp, kTcp };

// The largest reply over UDP: RFC 9715 2.3 and what every path carries unfragmented.
inline constexpr std::size_t kMaxUdpReply = 1232;
inline constexpr std::size_t kMaxTcpReply = 65535;

// How this server answers, whatever the question. Immutable once it serves.
struct AnswerPolicy {
  std::string nsid{};        // RFC 5001; empty: no NSID
  std::string version{};     // CH TXT version.bind; empty: REFUSED
  std::string id{};          // CH TXT id.server; empty: REFUSED
  app::NetworkList allow{};  // empty: everybody
  app::NetworkList deny{};   // wins over allow
  bool cookies = true;       // RFC 7873, with the server cookies of RFC 9018
  CookieSecret cookie_secret = CookieSecret::random();
  std::vector<std::string> authors{};      // CH TXT authors.bind; empty: REFUSED
  Acl acl{};                               // asked after allow and deny
  std::size_t max_udp = kMaxUdpReply;      // bytes; at least 512, at most kMaxUdpReply
  bool whoami = false;                     // names outside the zones are answered with the client's address
  std::shared_ptr<Forwarder> forwarder{};  // of names outside the zones; null: REFUSED
  std::shared_ptr<QueryTap> tap{};         // of the queries to be logged; null: none
};

// What a request brings with it besides its bytes.
struct RequestContext {
  Ipv6 address{};  // of the client; IPv4 as IPv4-mapped IPv6
  Transport transport = Transport::kUdp;
  std::uint32_t now = 0;       // seconds since 1970, for cookies
  std::uint32_t rotation = 0;  // differs from request to request: where a pool's answer begins
  std::uint16_t port = 0;      // of the client
};

// The result of answering one request. size 0: send nothing, or nothing yet.
struct Reply {
  std::size_t size = 0;
  Rcode rcode = Rcode::kNoError;
  bool truncated = false;
  Forwarder* forwarder = nullptr;  // not null: it takes the request, of which nothing was written over
};

}  // namespace idetcd::resolver
