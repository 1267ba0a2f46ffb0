#include "machine/watch_machine.h"

#include <catch2/catch.hpp>

using namespace idetcd::internal;
using namespace std::chrono_literals;
using idetcd::ErrorCode;
using idetcd::Event;
using idetcd::Header;
using idetcd::Revision;
using idetcd::WatchBatch;
using idetcd::internal::TimePoint;
using idetcd::internal::WatchMachine;
using Act = idetcd::internal::WatchMachine::Act;

namespace {

const TimePoint kStart{1000s};

Header at(Revision revision, std::uint64_t cluster = 7) {
  return {.cluster_id = cluster, .revision = revision};
}

WatchBatch batch(Revision header, std::initializer_list<Revision> events, std::uint64_t cluster = 7) {
  WatchBatch made{at(header, cluster), {}};
  for (const Revision revision : events) {
    Event event;
    event.kv.mod_revision = revision;
    made.events.push_back(event);
  }
  return made;
}

WatchMachine established(Revision revision) {
  WatchMachine machine(600s, kStart, 1);
  machine.listed(at(revision), kStart);
  machine.watching();
  REQUIRE(machine.batch(batch(revision, {}), kStart));
  return machine;
}

}  // namespace

TEST_CASE("lists, then watches from the next revision", "[watch]") {
  WatchMachine machine(600s, kStart, 1);
  CHECK(machine.next(kStart) == Act::kList);
  machine.listed(at(10), kStart);
  CHECK(machine.next(kStart) == Act::kWatch);
  CHECK(machine.resume_revision() == 11);
  machine.watching();
  CHECK_FALSE(machine.live());
  REQUIRE(machine.batch(batch(10, {}), kStart));
  CHECK(machine.live());
  CHECK(machine.next(kStart) == Act::kNone);
}

TEST_CASE("a broken watch resumes after the last event, not after what a header says", "[watch]") {
  WatchMachine machine = established(10);
  REQUIRE(machine.batch(batch(15, {11, 12}), kStart));
  REQUIRE(machine.batch(batch(20, {}), kStart));  // a progress notification
  machine.watch_failed(ErrorCode::kUnavailable, kStart + 1s);
  CHECK_FALSE(machine.live());
  CHECK(machine.whole_until() == kStart);  // when it was last heard of
  CHECK(machine.next(kStart + 1s) == Act::kNone);
  CHECK(machine.next(machine.wake()) == Act::kWatch);
  CHECK(machine.resume_revision() == 13);
}

TEST_CASE("compaction means a new listing, at once", "[watch]") {
  WatchMachine machine = established(10);
  machine.watch_failed(ErrorCode::kCompacted, kStart + 1s);
  CHECK(machine.next(kStart + 1s) == Act::kList);
  machine.list_failed(kStart + 1s);
  CHECK(machine.next(kStart + 1s) == Act::kNone);
  CHECK(machine.next(machine.wake()) == Act::kList);
}

TEST_CASE("another cluster, or history that went back, is not applied but listed anew", "[watch]") {
  WatchMachine machine = established(10);
  SECTION("older") {
    CHECK_FALSE(machine.batch(batch(5, {4}), kStart));
  }
  SECTION("other") {
    CHECK_FALSE(machine.batch(batch(50, {50}, 8), kStart));
  }
  CHECK(machine.next(kStart) == Act::kList);
  CHECK_FALSE(machine.batch(batch(60, {60}), kStart));  // until the listing is there
  machine.listed(at(5, 8), kStart + 1s);
  CHECK(machine.revision() == 5);
  CHECK(machine.next(kStart + 1s) == Act::kWatch);
}

TEST_CASE("lists again from time to time, beside a live watch", "[watch]") {
  WatchMachine machine = established(10);
  CHECK(machine.next(kStart + 479s) == Act::kNone);
  CHECK(machine.next(kStart + 600s) == Act::kList);
  CHECK(machine.live());
  machine.list_failed(kStart + 600s);
  CHECK(machine.live());
  CHECK(machine.next(kStart + 600s) == Act::kNone);
  CHECK(machine.next(kStart + 606s) == Act::kList);
  machine.listed(at(12), kStart + 606s);
  CHECK(machine.resume_revision() == 13);
}

TEST_CASE("dropped events mean a new listing", "[watch]") {
  WatchMachine machine = established(10);
  machine.events_dropped(kStart + 2s);
  CHECK(machine.next(kStart + 2s) == Act::kList);
  CHECK_FALSE(machine.live());
}
