#include "machine/lease_machine.h"

#include <catch2/catch.hpp>

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
  CHECK(lease.trust_until() == kStart + 19s);
  CHECK_FALSE(lease.trusted(kStart + 19s));

  lease.sent(kStart + 6s);
  lease.answered(20s, kStart + 9s);  // came back late: that earns nothing
  CHECK(lease.trust_until() == kStart + 25s);
}

TEST_CASE("renewed about a third of the way, one request at a time", "[lease]") {
  for (int seed = 0; seed < 200; ++seed) {
    LeaseMachine lease(30s, kStart, static_cast<std::uint64_t>(seed));
    CHECK_FALSE(lease.due(kStart + 8900ms));
    CHECK(lease.due(kStart + 10s));
    lease.sent(kStart + 10s);
    CHECK_FALSE(lease.due(kStart + 12s));
    lease.answered(30s, kStart + 10s);
    CHECK_FALSE(lease.due(kStart + 18900ms));
    CHECK(lease.due(kStart + 20s));
  }
}

TEST_CASE("a lease that goes with a shorter one is renewed as often", "[lease]") {
  LeaseMachine lease(3600s, kStart, 5, 30s);
  CHECK_FALSE(lease.due(kStart + 7900ms));
  CHECK(lease.due(kStart + 10s));
  CHECK(lease.patience(kStart + 10s) == 5s);
  lease.sent(kStart + 10s);
  lease.answered(3600s, kStart + 10s);
  CHECK(lease.due(kStart + 20s));
  CHECK(lease.trusted(kStart + 3600s));
}

TEST_CASE("who was not answered in time waits longer the next time, once nothing can be lost", "[lease]") {
  LeaseMachine lease(30s, kStart, 5);
  const TimePoint late = kStart + 60s;
  for (const auto patience : {5s, 10s, 20s, 20s}) {
    CHECK(lease.patience(late) == patience);
    lease.sent(late);
    lease.failed(late);
  }
  lease.sent(late);
  lease.answered(30s, late);
  CHECK(lease.patience(late) == 5s);
}

TEST_CASE("members that do not answer leave time to ask the others while the lease is trusted", "[lease]") {
  for (const auto ttl : {2s, 5s, 20s}) {
    LeaseMachine lease(ttl, kStart, 7);
    TimePoint now = lease.wake(kStart);
    int unanswered = 0;
    while (lease.trusted(now)) {
      const auto patience = lease.patience(now);
      CHECK((patience <= (lease.trust_until() - now) / 3 || patience == 250ms));
      lease.sent(now);
      now += patience;
      lease.failed(now);
      ++unanswered;
      now = lease.wake(now);
    }
    CHECK(unanswered >= (ttl == 2s ? 3 : 4));  // every member of three was asked
  }
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
    lease.failed(now);
  }
  CHECK(tries >= 4);
  CHECK(now == lease.trust_until());
}

TEST_CASE("time to live 0 is the end, though it is no error", "[lease]") {
  LeaseMachine lease(10s, kStart, 1);
  lease.sent(kStart + 3s);
  lease.answered(0s, kStart + 3s);
  CHECK(lease.ended());
  CHECK_FALSE(lease.trusted(kStart + 4s));
  CHECK(lease.wake(kStart + 4s) == TimePoint::max());
}

TEST_CASE("the granted time counts, not the asked one", "[lease]") {
  LeaseMachine lease(2s, kStart, 1);
  lease.sent(kStart + 1s);
  lease.answered(5s, kStart + 1s);
  CHECK(lease.ttl() == 5s);
  CHECK(lease.trust_until() == kStart + 1s + 4750ms);
}

TEST_CASE("after trust has ended the lease is still asked for", "[lease]") {
  LeaseMachine lease(2s, kStart, 1);
  const TimePoint late = kStart + 60s;
  CHECK_FALSE(lease.trusted(late));
  CHECK(lease.due(late));
  lease.sent(late);
  lease.answered(2s, late + 10ms);
  CHECK(lease.trusted(late + 20ms));
}
