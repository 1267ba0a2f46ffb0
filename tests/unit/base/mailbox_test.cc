#include "base/mailbox.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <thread>

namespace idetcd {
using namespace internal;
namespace {

using namespace std::chrono_literals;

constexpr auto kLong = 60s;  // longer than a test may take: what ends it is not the time

TimePoint later(std::chrono::nanoseconds by) {
  return boot_clock().now() + by;
}

TEST_CASE("Mailbox: gives all that is there, in order") {
  Mailbox<int> mailbox(boot_clock());
  mailbox.push(1);
  mailbox.push(2);
  CHECK(mailbox.take(later(kLong)) == std::vector{1, 2});
  CHECK(mailbox.take(later(0ns)).empty());
  CHECK(mailbox.take(later(1ns)).empty());
}

TEST_CASE("Mailbox: a push wakes the taker") {
  Mailbox<int> mailbox(boot_clock());
  std::jthread pusher([&] { mailbox.push(7); });
  CHECK(mailbox.take(later(kLong)) == std::vector{7});
}

TEST_CASE("Mailbox: a stop request ends the wait") {
  Mailbox<int> mailbox(boot_clock());
  std::stop_source stop;
  SECTION("stopped before") {
    stop.request_stop();
    CHECK(mailbox.take(later(kLong), stop.get_token()).empty());
    mailbox.push(1);
    CHECK(mailbox.take(later(kLong), stop.get_token()) == std::vector{1});
  }
  SECTION("stopped meanwhile") {
    std::jthread stopper([&] { stop.request_stop(); });
    CHECK(mailbox.take(later(kLong), stop.get_token()).empty());
  }
}

TEST_CASE("Mailbox: a full one drops what may be dropped, wakes the taker and says so once") {
  Mailbox<int> mailbox(boot_clock(), 1);
  mailbox.push_or_drop(1);
  mailbox.push_or_drop(2);
  mailbox.push(3);
  CHECK(mailbox.take(later(kLong)) == std::vector{1, 3});
  CHECK(mailbox.take_overflow());
  CHECK_FALSE(mailbox.take_overflow());
}

// Time-out, push and stop meet in every order: nothing may be lost or wait for ever.
TEST_CASE("Mailbox: waits that end in the moment of a push lose nothing") {
  constexpr int kItems = 20000;
  Mailbox<int> mailbox(boot_clock());
  std::stop_source stop;
  std::jthread pusher([&] {
    for (int i = 0; i < kItems; ++i) {
      mailbox.push(i);
      if (i % 64 == 0) std::this_thread::yield();
    }
    stop.request_stop();
  });
  int next = 0;
  while (next < kItems) {
    for (const int item : mailbox.take(later(std::chrono::nanoseconds(1 + next % 50000)), stop.get_token())) {
      REQUIRE(item == next++);
    }
  }
}

}  // namespace
}  // namespace idetcd
