#include "transport/server_version.h"

#include <array>
#include <charconv>

namespace idetcd::internal::transport {

bool may_revoke_living_leases(std::string_view version) {
  std::array<int, 3> numbers{};
  const char* at = version.data();
  const char* const end = at + version.size();
  for (int& number : numbers) {
    const auto [rest, error] = std::from_chars(at, end, number);
    if (error != std::errc()) return false;
    at = rest;
    if (&number != &numbers.back() && (at == end || *at++ != '.')) return false;
  }
  const auto [major, minor, patch] = numbers;
  if (major != 3) return false;
  if (minor < 4) return true;
  if (minor == 4) return patch < 31;
  return minor == 5 && patch < 13;
}

}  // namespace idetcd::internal::transport
