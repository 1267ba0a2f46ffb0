// UTF-8 as Go's unicode/utf8 sees it: every invalid byte counts as one rune, U+FFFD.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace idetcd::pattern {

inline constexpr std::uint32_t kReplacementRune = 0xFFFD;
inline constexpr std::uint32_t kMaxRune = 0x10FFFF;

struct Rune {
  std::uint32_t value;
  std::size_t size;  // in bytes; 1 with kReplacementRune for an invalid byte
  bool valid;
};

// The first rune of `text`. Precondition: `text` is not empty.
Rune decode_rune(std::string_view text) noexcept;

std::size_t count_runes(std::string_view text) noexcept;

bool is_utf8(std::string_view text) noexcept;

// What is not a Unicode scalar value (a surrogate, or beyond U+10FFFF) becomes U+FFFD.
std::string encode_rune(std::uint64_t value);

}  // namespace idetcd::pattern
