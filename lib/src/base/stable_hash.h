// A hash that is the same in every run and every release: for what is stored.
#pragma once

#include <cstdint>
#include <string_view>

namespace idetcd::internal {

// FNV-1a, 64 bits.
constexpr std::uint64_t stable_hash(std::string_view text) noexcept {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return hash;
}

}  // namespace idetcd::internal
