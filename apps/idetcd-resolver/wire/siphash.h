// SipHash-2-4 with a 64-bit result: OpenSSL's, ready for use many times a second.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace idetcd::resolver {

// Any thread; allocates at a thread's first call only. The bytes in the order in which
// the algorithm gives them. Empty where OpenSSL is set up without this algorithm.
std::optional<std::array<std::byte, 8>> siphash24(const std::array<std::uint8_t, 16>& key,
                                                  std::span<const std::byte> data) noexcept;

}  // namespace idetcd::resolver
