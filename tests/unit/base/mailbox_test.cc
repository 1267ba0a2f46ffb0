#include "base/mailbox.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <thread>

namespace idetcd {
using namespace internal;
namespace {

using namespace std::chrono_literals;

constexpr auto kLong = 60s;  // longer than a test may take: what ends it is not the time

TEST_CASE("Mailbox: gives all that is there, in order") {
  Mailbox<int> mailbox;
  mailbox.push(1);
  mailbox.push(2);
  CHECK(mailbox.take(kLong) == std::vector{1, 2});
  CHECK(mailbox.take(0ns).empty());
  CHECK(mailbox.take(1ns).empty());
}

TEST_CASE("Mailbox: a push wakes the taker") {
  Mailbox<int> mailbox;
  std::jthread pusher([&] { mailbox.push(7); });
  CHECK(mailbox.take(kLong) == std::vector{7});
}

TEST_CASE("Mailbox: a stop request and close() end the wait") {
  Mailbox<int> mailbox;
  std::stop_source stop;
  SECTION("stopped before") {
    stop.request_stop();
    CHECK(mailbox.take(kLong, stop.get_token()).empty());
    mailbox.push(1);
    CHECK(mailbox.take(kLong, stop.get_token()) == std::vector{1});
  }
  SECTION("stopped meanwhile") {
    std::jthread stopper([&] { stop.request_stop(); });
    CHECK(mailbox.take(kLong, stop.get_token()).empty());
  }
  SECTION("closed meanwhile") {
    std::jthread closer([&] { mailbox.close(); });
    CHECK(mailbox.take(kLong).empty());
    mailbox.push(1);
    CHECK(mailbox.take(kLong).empty());
  }
}

TEST_CASE("Mailbox: a full one drops the newcomer and says so once") {
  Mailbox<int> mailbox(1);
  mailbox.push(1);
  mailbox.push(2);
  CHECK(mailbox.take(kLong) == std::vector{1});
  CHECK(mailbox.take_overflow());
  CHECK_FALSE(mailbox.take_overflow());
}

// Time-out, push and stop meet in every order: nothing may be lost or wait for ever.
TEST_CASE("Mailbox: waits that end in the moment of a push lose nothing") {
  constexpr int kItems = 20000;
  Mailbox<int> mailbox;
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
    for (const int item : mailbox.take(std::chrono::nanoseconds(1 + next % 50000), stop.get_token())) {
      REQUIRE(item == next++);
    }
  }
}

}  // namespace
}  // namespace idetcd
