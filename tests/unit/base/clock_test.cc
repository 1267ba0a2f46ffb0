#include "base/boot_alarm.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace idetcd {
using namespace internal;
namespace {

using namespace std::chrono_literals;

constexpr auto kLong = 60s;  // longer than a test may take: what ends it is not the time

// Whether this process has a timerfd on CLOCK_BOOTTIME (7 in linux/time.h) that is armed.
bool armed_boot_timer() {
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fdinfo")) {
    std::ifstream info(entry.path());
    std::string line;
    bool boot = false;
    while (std::getline(info, line)) {
      boot = boot || line == "clockid: 7";
      if (boot && line.starts_with("it_value: (") && line != "it_value: (0, 0)") return true;
    }
  }
  return false;
}

}  // namespace

TEST_CASE("Alarm: a wait ends at its moment, not before", "[clock]") {
  BootAlarm alarm;
  for (const auto time : {std::chrono::milliseconds(-5), 0ms, 3ms, BootAlarm::kShort + 20ms}) {
    const TimePoint moment = boot_now() + time;
    CHECK_FALSE(alarm.wait_until(moment));
    CHECK(boot_now() >= moment);
  }
}

TEST_CASE("Alarm: a wake-up ends the wait under way, or the next one", "[clock]") {
  BootAlarm alarm;
  alarm.wake();
  alarm.wake();
  CHECK(alarm.wait_until(boot_now() + kLong));
  CHECK_FALSE(alarm.wait_until(boot_now()));
  std::jthread waker([&] { alarm.wake(); });
  CHECK(alarm.wait_until(TimePoint::max()));
}

TEST_CASE("Alarm: a long wait is a timer on CLOCK_BOOTTIME, which counts suspend", "[clock]") {
  BootAlarm alarm;
  std::atomic<bool> seen{false};
  std::jthread looker([&] {
    const auto until = boot_now() + kLong;
    while (!seen && boot_now() < until) seen = armed_boot_timer();
    alarm.wake();
  });
  CHECK(alarm.wait_until(boot_now() + 2 * kLong));
  CHECK(seen);
}

// Time-out and wake-up meet in every order: none may be lost.
TEST_CASE("Alarm: wake-ups in the moment of a deadline are not lost", "[clock]") {
  constexpr int kRounds = 5000;
  BootAlarm alarm;
  std::atomic<int> asked{0};
  std::jthread waker([&] {
    for (int round = 1; round <= kRounds; ++round) {
      while (asked.load() < round) std::this_thread::yield();
      alarm.wake();
    }
  });
  for (int round = 1; round <= kRounds; ++round) {
    asked = round;
    if (!alarm.wait_until(boot_now() + std::chrono::nanoseconds(round % 20000))) {
      REQUIRE(alarm.wait_until(boot_now() + kLong));
    }
  }
}

}  // namespace idetcd
