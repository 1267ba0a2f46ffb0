// answer(): the whole of DNS in one pure function, a packet in and a packet out.
//
// It knows no sockets, takes no lock, allocates nothing and calls neither ldns nor
// etcd. What it says is RFC 1034/1035 with 2181 (whole RRsets), 2308 (negative
// answers), 6891 (EDNS0), 8020 (empty non-terminals) and 8482 (minimal ANY).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "common/networks.h"
#include "wire/cookie.h"
#include "wire/question.h"
#include "wire/wire.h"
#include "zone/zone.h"

namespace idetcd::resolver {

enum class Transport : std::uint8_t { kUdp, kTcp };

// How this server answers, whatever is asked. Immutable once it serves.
struct AnswerPolicy {
  std::string nsid{};        // RFC 5001; empty: not told
  std::string version{};     // CH TXT version.bind; empty: REFUSED
  std::string id{};          // CH TXT id.server; empty: REFUSED
  app::NetworkList allow{};  // empty: everybody
  app::NetworkList deny{};   // wins over allow
  bool cookies = true;       // RFC 7873, as RFC 9018 spells the server's half
  CookieSecret cookie_secret = CookieSecret::random();
};

// What a request brings with it besides its bytes.
struct RequestContext {
  Ipv6 address{};
  Transport transport = Transport::kUdp;
  std::uint32_t now = 0;       // seconds since 1970, for cookies
  std::uint32_t rotation = 0;  // differs from request to request: where a pool's answer begins
};

// What became of a request. size 0: say nothing.
struct Reply {
  std::size_t size = 0;
  Rcode rcode = Rcode::kNoError;
  bool truncated = false;
};

// The largest reply over UDP: RFC 9715 2.3 and what every path carries unfragmented.
inline constexpr std::size_t kMaxUdpReply = 1232;
inline constexpr std::size_t kMaxTcpReply = 65535;

// A request that has been read, on its way to its reply.
struct ReadRequest {
  Verdict verdict = Verdict::kIgnore;
  Question question;
};

// Answering in steps, for whoever has several requests at once: read() all of them,
// then fetch() each kFetchSteps times, then answer() all, with the same zone. A large
// table costs a cache miss at each step, and those of a batch then overlap.
inline constexpr int kFetchSteps = 2;
void read(const ZoneSet& zone, std::span<const std::byte> request, ReadRequest& read) noexcept;
void fetch(const ZoneSet& zone, const ReadRequest& read, int step) noexcept;
Reply answer(const ZoneSet& zone, const AnswerPolicy& policy, const RequestContext& peer,
             std::span<const std::byte> request, const ReadRequest& read, std::span<std::byte> out) noexcept;

// All at once. Writes the reply to `request` into `out`, which holds at least kMaxUdpReply or
// kMaxTcpReply bytes. `out` may begin where `request` does (the reply then takes the
// request's place); any other overlap is not allowed. Any thread.
Reply answer(const ZoneSet& zone, const AnswerPolicy& policy, const RequestContext& peer,
             std::span<const std::byte> request, std::span<std::byte> out) noexcept;

}  // namespace idetcd::resolver
