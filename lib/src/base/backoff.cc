#include "base/backoff.h"

#include <sys/random.h>

#include <algorithm>

namespace idetcd::internal {

Backoff::Backoff(std::chrono::milliseconds first, std::chrono::milliseconds most, std::uint64_t seed)
    : first_(first), most_(most), random_(static_cast<std::minstd_rand::result_type>(seed % 2147483646 + 1)) {}

std::chrono::milliseconds Backoff::next() {
  const int doublings = std::min(tries_++, 20);
  const auto ceiling = std::min<std::int64_t>(first_.count() << doublings, most_.count());
  std::uniform_int_distribution<std::int64_t> draw(ceiling / 2, ceiling);
  return std::chrono::milliseconds{draw(random_)};
}

std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  // Eight bytes cannot be cut short (getrandom(2)), and it only fails where it is not allowed.
  if (::getrandom(&seed, sizeof seed, 0) != sizeof seed) seed = std::random_device{}();
  return seed;
}

}  // namespace idetcd::internal
