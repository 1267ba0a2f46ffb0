// Waiting for a condition, with a deadline.
#pragma once

#include <chrono>
#include <thread>

namespace idetcd::testing {

// For what takes milliseconds on an idle machine: only a failing test waits so long.
constexpr std::chrono::seconds kPatience{30};

// True as soon as `condition()` is; false if it is not within `patience`. Any thread, as
// far as the condition allows it.
template <class Condition>
bool eventually(std::chrono::nanoseconds patience, Condition condition) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

template <class Condition>
bool eventually(Condition condition) {
  return eventually(kPatience, condition);
}

}  // namespace idetcd::testing
