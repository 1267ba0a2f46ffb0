// Backoff: how long to wait before the next try. Exponential, with jitter over the upper
// half ("equal jitter"), so that a thousand nodes that failed together do not come back
// together.
#pragma once

#include <chrono>
#include <cstdint>
#include <random>

namespace idetcd::internal {

class Backoff {
 public:
  // Each wait is drawn from [ceiling/2, ceiling]. The ceiling is `first`, then twice the one
  // before, at most `most`.
  Backoff(std::chrono::milliseconds first, std::chrono::milliseconds most, std::uint64_t seed);

  std::chrono::milliseconds next();
  void reset() noexcept { tries_ = 0; }

 private:
  std::chrono::milliseconds first_;
  std::chrono::milliseconds most_;
  std::minstd_rand random_;
  int tries_ = 0;
};

// Different in every process and at every call.
std::uint64_t random_seed();

}  // namespace idetcd::internal
