#include "machine/lease_machine.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <vector>

using namespace idetcd::internal;
using namespace std::chrono_literals;
using idetcd::internal::LeaseMachine;
using idetcd::internal::TimePoint;

namespace {
const TimePoint kStart{1000s};
}

TEST_CASE("trust is counted from sending, and ends before etcd can expire the lease", "[lease]") {
  LeaseMachine lease(20s, kStart, 1);
  CHECK(lease.trusted(kStart));
  CHECK(lease.trust_until() == kStart + 19600ms);
  CHECK_FALSE(lease.trusted(kStart + 19600ms));

  lease.sent(kStart + 6s);
  lease.answered(kStart + 6s, 20s);  // whenever it came
  CHECK(lease.trust_until() == kStart + 25600ms);
}

TEST_CASE("before a wait a lease is renewed if that would leave it little, and not if it is fresh", "[lease]") {
  LeaseMachine lease(20s, kStart, 1);
  CHECK_FALSE(lease.stale(kStart + 1s, 18s));
  CHECK(lease.stale(kStart + 2100ms, 18s));
  CHECK_FALSE(lease.stale(kStart + 4900ms, 10s));
  CHECK(lease.stale(kStart + 5100ms, 10s));
  lease.sent(kStart + 6s);
  CHECK_FALSE(lease.stale(kStart + 7s, 18s));  // one is on its way
}

TEST_CASE("renewed about a third of the way, or a fourth where the time is short", "[lease]") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    LeaseMachine lease(30s, kStart, seed);
    CHECK_FALSE(lease.due(kStart + 8900ms));
    CHECK(lease.due(kStart + 10s));
    lease.sent(kStart + 10s);
    CHECK_FALSE(lease.due(kStart + 12s));
    lease.answered(kStart + 10s, 30s);
    CHECK_FALSE(lease.due(kStart + 18900ms));
    CHECK(lease.due(kStart + 20s));

    const LeaseMachine shorter(6s, kStart, seed);
    CHECK_FALSE(shorter.due(kStart + 1290ms));
    CHECK(shorter.due(kStart + 1500ms));
  }
}

TEST_CASE("a lease that goes with a shorter one is renewed as often", "[lease]") {
  LeaseMachine lease(3600s, kStart, 5, 30s);
  CHECK_FALSE(lease.due(kStart + 7900ms));
  CHECK(lease.due(kStart + 10s));
  lease.sent(kStart + 10s);
  lease.answered(kStart + 10s, 3600s);
  CHECK(lease.due(kStart + 20s));
  CHECK(lease.trusted(kStart + 3600s));
}

namespace {

// What a lease of `ttl` sends while nobody answers, from the last confirmation on.
std::vector<TimePoint> sent_unanswered(std::chrono::seconds ttl, std::uint64_t seed) {
  LeaseMachine lease(ttl, kStart, seed);
  std::vector<TimePoint> all;
  for (TimePoint now = lease.wake(kStart); now < lease.trust_until(); now = lease.wake(now)) {
    if (!lease.due(now)) break;
    lease.sent(now);
    all.push_back(now);
  }
  return all;
}

}  // namespace

TEST_CASE("while nobody answers, others are asked until trust ends, and ever sooner", "[lease]") {
  for (const auto ttl : {2s, 5s, 20s}) {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
      const auto sent = sent_unanswered(ttl, seed);
      REQUIRE(sent.size() >= 4);
      const auto most = std::max(150ms, 1000ms * ttl.count() / 12);
      for (std::size_t next = 1; next < sent.size(); ++next) CHECK(sent[next] - sent[next - 1] <= most);
      // So whoever can confirm half a second before the time is over is asked in time.
      const TimePoint last_chance = kStart + ttl - 500ms;
      CHECK(std::any_of(sent.begin(), sent.end(), [&](TimePoint at) { return at >= last_chance; }));
      CHECK(sent.size() < 32);
    }
  }
}

TEST_CASE("a late answer to an earlier keep-alive counts from its own sending", "[lease]") {
  LeaseMachine lease(5s, kStart, 9);
  lease.sent(kStart + 1s);
  lease.sent(kStart + 2s);
  lease.answered(kStart + 1s, 5s);
  CHECK(lease.trust_until() == kStart + 1s + 4750ms);
  lease.answered(kStart + 2s, 5s);
  CHECK(lease.trust_until() == kStart + 2s + 4750ms);
}

TEST_CASE("an old keep-alive that fails does not hurry a lease that was confirmed since", "[lease]") {
  LeaseMachine lease(5s, kStart, 9);
  lease.sent(kStart + 1s);
  lease.sent(kStart + 2s);
  lease.answered(kStart + 2s, 5s);
  lease.failed(kStart + 1s, kStart + 2100ms);
  CHECK_FALSE(lease.due(kStart + 3s));
}

TEST_CASE("behind a proxy only what is certainly left is trusted", "[lease]") {
  LeaseMachine lease(6s, kStart, 9);
  lease.sent(kStart + 2s);
  lease.answered(kStart + 2s, 6s, 3s);
  CHECK(lease.trust_until() == kStart + 5700ms);  // what it was before: that was more
  lease.sent(kStart + 4s);
  lease.answered(kStart + 4s, 6s, 5s);
  CHECK(lease.trust_until() == kStart + 4s + 5s - 300ms);
  CHECK(lease.ttl() == 6s);
}

TEST_CASE("a failure is tried again soon, and often enough to save the lease", "[lease]") {
  LeaseMachine lease(6s, kStart, 3);
  TimePoint now = kStart;
  int tries = 0;
  while (lease.trusted(now)) {
    now = std::max(now, lease.wake(now));
    if (!lease.due(now)) break;
    lease.sent(now);
    ++tries;
    lease.failed(now, now);
  }
  CHECK(tries >= 4);
  CHECK(now == lease.trust_until());
}

TEST_CASE("time to live 0 is the end, though it is no error", "[lease]") {
  LeaseMachine lease(10s, kStart, 1);
  lease.sent(kStart + 3s);
  lease.answered(kStart + 3s, 0s);
  CHECK(lease.ended());
  CHECK_FALSE(lease.trusted(kStart + 4s));
  CHECK(lease.wake(kStart + 4s) == TimePoint::max());
}

TEST_CASE("the granted time counts, not the asked one", "[lease]") {
  LeaseMachine lease(2s, kStart, 1);
  lease.sent(kStart + 1s);
  lease.answered(kStart + 1s, 5s);
  CHECK(lease.ttl() == 5s);
  CHECK(lease.trust_until() == kStart + 1s + 4750ms);
}

TEST_CASE("after trust has ended the lease is still asked for", "[lease]") {
  LeaseMachine lease(2s, kStart, 1);
  const TimePoint late = kStart + 60s;
  CHECK_FALSE(lease.trusted(late));
  CHECK(lease.due(late));
  lease.sent(late);
  lease.answered(late, 2s);
  CHECK(lease.trusted(late + 20ms));
}
