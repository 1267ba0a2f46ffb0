#include "transport/admission.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <thread>
#include <vector>

namespace idetcd::internal::transport {
using namespace internal;
namespace {

using namespace std::chrono_literals;

Deadline far() {
  return std::chrono::steady_clock::now() + 60s;
}

TEST_CASE("Admission: who is over the bound waits until one leaves", "[transport]") {
  Admission admission(1);
  auto first = admission.enter(far(), {});
  REQUIRE(first);
  CHECK_FALSE(admission.enter(std::chrono::steady_clock::now() + 1ms, {}));

  std::atomic<bool> entered{false};
  std::jthread second([&] { entered = admission.enter(far(), {}).has_value(); });
  first.reset();
  second.join();
  CHECK(entered);
  CHECK(admission.enter(far(), {}));
}

TEST_CASE("Admission: a stop request ends the wait and takes no place", "[transport]") {
  Admission admission(1);
  auto first = admission.enter(far(), {});
  std::stop_source stop;
  SECTION("stopped before") {
    stop.request_stop();
    CHECK_FALSE(admission.enter(far(), stop.get_token()));
  }
  SECTION("stopped meanwhile") {
    std::jthread stopper([&] { stop.request_stop(); });
    CHECK_FALSE(admission.enter(far(), stop.get_token()));
  }
  first.reset();
  CHECK(admission.enter(far(), {}));
}

// Calls, deadlines and stop requests that meet: the places must all come back, and
// never more of them be taken than there are.
TEST_CASE("Admission: no place is lost or made when waits end in the moment of a call", "[transport]") {
  constexpr int kPlaces = 2;
  constexpr int kThreads = 6;
  Admission admission(kPlaces);
  std::atomic<int> inside{0};
  std::atomic<bool> crowded{false};
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 2000; ++i) {
        std::stop_source stop;
        std::jthread stopper;
        if (i % 10 == thread) stopper = std::jthread([&] { stop.request_stop(); });
        const auto pass =
            admission.enter(std::chrono::steady_clock::now() + std::chrono::microseconds(i % 40), stop.get_token());
        if (!pass) continue;
        if (++inside > kPlaces) crowded = true;
        if (i % 3 == 0) std::this_thread::yield();
        --inside;
      }
    });
  }
  threads.clear();
  CHECK_FALSE(crowded);
  std::vector<std::optional<Admission::Pass>> all;
  for (int i = 0; i < kPlaces; ++i) all.push_back(admission.enter(std::chrono::steady_clock::now(), {}));
  for (const auto& pass : all) CHECK(pass);
  CHECK_FALSE(admission.enter(std::chrono::steady_clock::now(), {}));
}

}  // namespace
}  // namespace idetcd::internal::transport
