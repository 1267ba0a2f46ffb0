#include "pattern/utf8.h"

namespace idetcd::pattern {
namespace {

bool is_scalar(std::uint64_t value) noexcept {
  return value <= kMaxRune && (value < 0xD800 || value > 0xDFFF);
}

}  // namespace

Rune decode_rune(std::string_view text) noexcept {
  constexpr Rune kInvalid{kReplacementRune, 1, false};
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < size) return kInvalid;
  std::uint32_t value = lead & (0x7F >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return kInvalid;
    value = value << 6 | (byte(i) & 0x3F);
  }
  const bool overlong = (size == 3 && value < 0x800) || (size == 4 && value < 0x10000);
  if (overlong || !is_scalar(value)) return kInvalid;
  return {value, size, true};
}

std::size_t count_runes(std::string_view text) noexcept {
  std::size_t count = 0;
  for (; !text.empty(); ++count) text.remove_prefix(decode_rune(text).size);
  return count;
}

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const Rune rune = decode_rune(text);
    if (!rune.valid) return false;
    text.remove_prefix(rune.size);
  }
  return true;
}

std::string encode_rune(std::uint64_t value) {
  const auto rune = static_cast<std::uint32_t>(is_scalar(value) ? value : kReplacementRune);
  const auto tail = [rune](int shift) { return static_cast<char>(0x80 | (rune >> shift & 0x3F)); };
  if (rune < 0x80) return {static_cast<char>(rune)};
  if (rune < 0x800) return {static_cast<char>(0xC0 | rune >> 6), tail(0)};
  if (rune < 0x10000) return {static_cast<char>(0xE0 | rune >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xF0 | rune >> 18), tail(12), tail(6), tail(0)};
}

}  // namespace idetcd::pattern
