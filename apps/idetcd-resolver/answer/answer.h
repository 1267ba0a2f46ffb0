// answer(): the whole of DNS in one pure function, a packet in and a packet out.
//
// It knows no sockets, takes no lock, allocates nothing and calls neither ldns nor
// etcd. Its answers follow RFC 1034/1035 with 2181 (whole RRsets), 2308 (negative
// answers), 6891 (EDNS0), 8020 (empty non-terminals) and 8482 (minimal ANY).
#pragma once

#include <cstddef>
#include <span>

#include "answer/reply.h"
#include "wire/question.h"
#include "zone/zone_set.h"

namespace idetcd::resolver {

// A request that has been read, on its way to its reply.
struct ReadRequest {
  Verdict verdict = Verdict::kIgnore;
  Question question;
};

// Answering a batch in steps: read() every request, then fetch() each kFetchSteps
// times, then answer() each, all with the same zones. A large table costs a cache miss
// at each step, and those of a batch then overlap.
inline constexpr int kFetchSteps = 2;
void read(const ZoneSet& zones, std::span<const std::byte> request, ReadRequest& read) noexcept;
void fetch(const ZoneSet& zones, const ReadRequest& read, int step) noexcept;
Reply answer(const ZoneSet& zones, const AnswerPolicy& policy, const RequestContext& context,
             std::span<const std::byte> request, const ReadRequest& read, std::span<std::byte> out) noexcept;

// The same for a question (Verdict::kQuestion) whose name is in no server block: REFUSED.
Reply refuse(const AnswerPolicy& policy, const RequestContext& context, std::span<const std::byte> request,
             const ReadRequest& read, std::span<std::byte> out) noexcept;

// All at once. Writes the reply to `request` into `out`, which holds at least kMaxUdpReply or
// kMaxTcpReply bytes. `out` may begin where `request` does (the reply then takes the
// request's place); any other overlap is not allowed. Any thread.
Reply answer(const ZoneSet& zones, const AnswerPolicy& policy, const RequestContext& context,
             std::span<const std::byte> request, std::span<std::byte> out) noexcept;

}  // namespace idetcd::resolver
