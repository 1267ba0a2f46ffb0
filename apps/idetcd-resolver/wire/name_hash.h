// The hash of names: eight bytes at a step, seeded at random so that nobody can
// choose names that collide.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace idetcd::resolver {

// A name in wire format, lower case, the root's zero byte included.
using WireName = std::span<const std::byte>;

// Hashing by steps, for the parser, which lowers and hashes a name in one pass: start,
// then absorb each full word but the last 1..8 bytes, which are padded with zeros.
class NameHash {
 public:
  NameHash(std::uint64_t seed, std::size_t size) noexcept : state_(seed ^ (size * 0x9e3779b97f4a7c15U)) {}

  void absorb(std::uint64_t word) noexcept {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(state_ ^ word) * 0xd6e8feb86659fd93U;
    state_ = static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  }

  std::uint64_t value() const noexcept { return state_ ^ (state_ >> 29); }

 private:
  std::uint64_t state_;
};

inline std::uint64_t hash_name(WireName name, std::uint64_t seed) noexcept {
  NameHash hash(seed, name.size());
  std::size_t at = 0;
  std::uint64_t word;
  for (; name.size() - at > 8; at += 8) {
    std::memcpy(&word, name.data() + at, 8);
    hash.absorb(word);
  }
  word = 0;
  std::memcpy(&word, name.data() + at, name.size() - at);
  hash.absorb(word);
  return hash.value();
}

}  // namespace idetcd::resolver
