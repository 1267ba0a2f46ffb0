// upstream_reply(): the reply that libunbound has, made into one for the client that asked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "wire/question.h"
#include "wire/wire.h"

namespace idetcd::resolver {

// `request`, of which `question` was read, gets the answer, authority and additional records of
// `packet`; those of DNSSEC only if it asked for them (RFC 4035 3.2.1). More than `limit`
// bytes: none of them, but TC. `packet` that cannot be read: SERVFAIL.
std::vector<std::byte> upstream_reply(std::span<const std::byte> request, const Question& question,
                                      std::span<const std::byte> packet, std::size_t limit);

// Without records.
std::vector<std::byte> empty_reply(std::span<const std::byte> request, const Question& question, Rcode rcode);

}  // namespace idetcd::resolver
