// Waiting for a condition, with a deadline.
#pragma once

#include <chrono>
#include <thread>

namespace idetcd::testing {

// True as soon as `condition()` is; false if it is not within `patience`.
template <class Condition>
bool eventually(std::chrono::nanoseconds patience, Condition condition) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace idetcd::testing
