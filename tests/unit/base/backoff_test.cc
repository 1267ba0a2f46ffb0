#include "base/backoff.h"

#include <catch2/catch.hpp>

#include <set>

using namespace idetcd::internal;
using namespace std::chrono_literals;

TEST_CASE("backoff doubles up to its ceiling and never waits less than half") {
  idetcd::internal::Backoff backoff(20ms, 1000ms, 7);
  std::chrono::milliseconds ceiling = 20ms;
  for (int i = 0; i < 40; ++i) {
    const auto wait = backoff.next();
    CHECK(wait >= ceiling / 2);
    CHECK(wait <= ceiling);
    ceiling = std::min(2 * ceiling, std::chrono::milliseconds(1000));
  }
  backoff.reset();
  CHECK(backoff.next() <= 20ms);
}

TEST_CASE("a thousand nodes do not come back in step") {
  std::set<std::int64_t> waits;
  for (int node = 0; node < 1000; ++node) {
    idetcd::internal::Backoff backoff(1000ms, 10000ms, idetcd::internal::random_seed());
    waits.insert(backoff.next().count());
  }
  CHECK(waits.size() > 300);
}
