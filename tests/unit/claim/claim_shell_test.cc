// The thread shells around the claim's machines, on an etcd in memory that loses
// answers, goes away, runs full and is restored from a backup.
#include "support/counting_etcd.h"
#include "support/faulty_etcd.h"
#include "unit/claim/claim_world.h"

#include <idetcd/slot_claimer.h>
#include <catch2/catch.hpp>

#include <atomic>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

namespace idetcd {
using namespace internal;
namespace {

using namespace std::chrono_literals;
using testing::at;
using testing::EtcdCall;
using testing::eventually;
using testing::FakeEtcd;
using testing::Fault;
using testing::FaultyEtcd;
using testing::Log;
using testing::Time;
using testing::World;
using Phase = ClaimKeeper::Phase;

ClaimOptions with_ttl(std::chrono::seconds ttl) {
  ClaimOptions options;
  options.ttl = ttl;
  return options;
}

}  // namespace

TEST_CASE("an answer lost at any step of a claim costs a retry, not a slot", "[claim]") {
  World world(3);
  const auto faulty = std::make_shared<FaultyEtcd>(world.etcd);
  const auto error = GENERATE(ErrorCode::kUnavailable, ErrorCode::kDeadlineExceeded);
  SECTION("of the grant") {
    faulty->script(testing::EtcdCall::kLeaseGrant, {Fault::answer_lost(error)});
  }
  SECTION("of the grant, twice") {
    faulty->script(testing::EtcdCall::kLeaseGrant, {Fault::answer_lost(error), Fault::answer_lost(error)});
  }
  SECTION("of the claim") {
    faulty->script(testing::EtcdCall::kTxn, {Fault::answer_lost(error)});
  }
  SECTION("before the claim") {
    faulty->script(testing::EtcdCall::kTxn, {Fault::request_lost(error), Fault::request_lost(error)});
  }
  auto held = world.run(faulty);
  REQUIRE(held.has_value());
  CHECK(held->owned.slot == 1);
  CHECK(world.records() == 1);
  CHECK(world.etcd->leases() == 1);
}

TEST_CASE("a storm over a bad line: everybody a name, nobody two", "[claim]") {
  World world(60);
  const auto faulty = std::make_shared<FaultyEtcd>(world.etcd);
  faulty->set_odds({.request_lost = 0.1, .answer_lost = 0.15, .delayed = 0.2}, 11);
  std::mutex mutex;
  std::multiset<SlotId> slots;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 60; ++i) {
      threads.emplace_back([&] {
        auto held = world.run(faulty);
        std::lock_guard lock(mutex);
        if (held) slots.insert(held->owned.slot);
      });
    }
  }
  CHECK(slots.size() == 60);
  CHECK(std::set<SlotId>(slots.begin(), slots.end()).size() == 60);
  CHECK(world.records() == 60);
}

TEST_CASE("a full disk is waited out by claimants and does not hurt holders", "[claim]") {
  World world(3);
  auto keeper = world.keep();
  world.etcd->set_disk(FakeEtcd::Disk::kFull);
  std::atomic<bool> claimed{false};
  std::jthread newcomer([&] { claimed = world.run(world.etcd).has_value(); });
  const auto grants = world.etcd->counts().lease_grant;
  REQUIRE(eventually([&] { return world.etcd->counts().lease_grant >= grants + 2; }));  // refused, and again
  CHECK_FALSE(claimed);
  const auto lost = keeper->lost();
  for (int renewal = 1; renewal <= 3; ++renewal) {  // longer than the lease without one
    world.clock.advance(8s);
    REQUIRE(eventually([&] { return world.etcd->counts().keep_alive >= renewal; }));
  }
  CHECK(eventually([&] { return keeper->held(); }));
  CHECK_FALSE(lost.stop_requested());
  world.etcd->set_disk(FakeEtcd::Disk::kFree);
  world.clock.advance(20s);  // the newcomer's pause
  newcomer.join();
  CHECK(claimed);
}

TEST_CASE("a claim can be released while the disk is full", "[claim]") {
  World world(3);
  auto keeper = world.keep();
  world.etcd->set_disk(FakeEtcd::Disk::kFull);
  CHECK(keeper->release(world.clock.now() + 2s).has_value());
  CHECK(world.etcd->leases() == 0);
}

TEST_CASE("fenced at the deadline, and held again when the lease proves to have lived", "[claim]") {
  World world(3);
  auto keeper = world.keep(with_ttl(2s));
  const auto lost = keeper->lost();
  const Revision token = keeper->slot().owned.token;
  world.etcd->stop();
  world.clock.advance(60s);
  CHECK_FALSE(keeper->held());  // at once, by the clock alone
  REQUIRE(eventually([&] { return lost.stop_requested(); }));
  CHECK(keeper->phase() == Phase::kSuspect);
  world.etcd->start();  // leases stood still with it
  REQUIRE(eventually([&] { return keeper->held(); }));
  CHECK(keeper->slot().owned.token == token);
  CHECK_FALSE(keeper->lost().stop_requested());
  CHECK(lost.stop_requested());
}

TEST_CASE("lost for good when the lease has ended meanwhile", "[claim]") {
  World world(3);
  auto keeper = world.keep();
  world.etcd->set_network(FakeEtcd::Network::kRefusing);
  world.clock.advance(60s);
  CHECK_FALSE(keeper->held());
  world.etcd->set_network(FakeEtcd::Network::kUp);
  REQUIRE(eventually([&] { return keeper->phase() == Phase::kLost; }));
  CHECK(world.records() == 0);
}

TEST_CASE("a sticky slot is kept for its whole time, whenever its node dies", "[claim][sticky]") {
  World world(2);
  ClaimOptions options;
  options.ttl = 20s;
  options.node_id = "host-7";
  options.sticky = 60s;
  auto keeper = world.keep(options);
  for (int renewal = 1; renewal <= 3; ++renewal) {
    world.clock.advance(7s);
    REQUIRE(eventually([&] { return world.etcd->counts().keep_alive >= 2 * renewal; }));
  }
  world.etcd->set_network(FakeEtcd::Network::kRefusing);
  const auto until_left = [&](std::size_t leases) {
    std::chrono::seconds after{0};
    for (; world.etcd->leases() > leases; after += 1s) world.clock.advance(1s);
    return after;
  };
  CHECK(until_left(1) <= 20s);
  CHECK(until_left(0) >= 60s);
}

TEST_CASE("an etcd restored from a backup without our claim: fenced, then lost", "[claim]") {
  World world(3);
  Log log;
  const auto before = world.etcd->backup();
  ClaimOptions options;
  options.log = log.sink();
  auto keeper = world.keep(options);
  world.etcd->restore(before);
  world.clock.advance(8s);
  REQUIRE(eventually([&] { return log.lines().size() == 2; }));
  CHECK(log.lines()[0] == "worker1.tf.local. is not held for now: etcd was replaced by another cluster");
  CHECK(log.lines()[1].starts_with("worker1.tf.local. is lost: "));
  CHECK(keeper->phase() == Phase::kLost);
  CHECK_FALSE(keeper->held());
}

TEST_CASE("an etcd restored from a backup with our claim: fenced, proved, then held", "[claim]") {
  World world(3);
  Log log;
  ClaimOptions options;
  options.log = log.sink();
  auto keeper = world.keep(options);
  const auto lost = keeper->lost();
  world.etcd->restore(world.etcd->backup());
  world.clock.advance(8s);
  REQUIRE(eventually([&] { return log.lines().size() == 2; }));
  CHECK(log.lines()[0] == "worker1.tf.local. is not held for now: etcd was replaced by another cluster");
  CHECK(log.lines()[1] == "worker1.tf.local. is held again");
  CHECK(lost.stop_requested());
  CHECK(keeper->held());
  CHECK(world.etcd->counts().txn == 2);  // the claim, and the proof
  CHECK(keeper->release(world.clock.now() + 2s).has_value());
  CHECK(world.records() == 0);
}

// A member's keep-alive answers carry the revision that it knew when it was asked.
class LaggingMember final : public testing::CountingEtcd {
 public:
  using CountingEtcd::CountingEtcd;
  void lease_keep_alive(LeaseId id, std::chrono::milliseconds timeout, KeepAliveCallback done) override {
    CountingEtcd::lease_keep_alive(id, timeout, [done = std::move(done)](Result<KeepAliveReply> reply) {
      if (reply) reply->header.revision = 1;
      done(std::move(reply));
    });
  }
};

TEST_CASE("a member that lags behind is asked, and costs nobody a slot", "[claim]") {
  World world(3);
  const auto lagging = std::make_shared<LaggingMember>(world.etcd);
  auto keeper = world.keep(lagging);
  const std::stop_token lost = keeper->lost();
  for (int round = 0; round < 5; ++round) {
    const auto asked = lagging->requests();
    world.clock.advance(8s);
    REQUIRE(eventually([&] { return lagging->requests() > asked; }));
  }
  REQUIRE(eventually([&] { return keeper->held(); }));
  CHECK_FALSE(lost.stop_requested());
}

TEST_CASE("suspicion that cannot be cleared ends with the trust there was", "[claim]") {
  World world(3);
  const auto faulty = std::make_shared<FaultyEtcd>(world.etcd);
  auto keeper = world.keep(std::make_shared<LaggingMember>(faulty));
  faulty->script(EtcdCall::kTxn, std::vector(1000, Fault::request_lost()));
  for (int round = 0; round < 3; ++round) {
    const auto sent = world.etcd->counts().keep_alive;
    world.clock.advance(7s);
    REQUIRE(eventually([&] { return world.etcd->counts().keep_alive > sent; }));
  }
  CHECK_FALSE(keeper->held());
  CHECK(eventually([&] { return keeper->phase() == Phase::kSuspect; }));
}

TEST_CASE("claiming stops when asked to, with etcd refusing, silent or full, or in the queue", "[claim]") {
  World world(1, Time::kStandsStill);  // no deadline comes: only the stop can end it
  ClaimOptions options;
  std::atomic<bool> waits{false};
  SECTION("refusing") {
    world.etcd->set_network(FakeEtcd::Network::kRefusing);
  }
  SECTION("silent") {
    world.etcd->set_network(FakeEtcd::Network::kSilent);
  }
  SECTION("a full disk") {
    world.etcd->set_disk(FakeEtcd::Disk::kFull);
  }
  SECTION("in the queue") {
    (void)world.keep();
    options.on_full = OnFull::kWait;
  }
  const auto before = world.etcd->counts();
  options.on_position = [&](std::size_t) { waits = true; };
  std::stop_source stop;
  std::optional<ErrorCode> code;
  std::jthread claimant([&] {
    const auto held = world.run(world.etcd, options, stop.get_token());
    if (!held) code = held.error().code;
  });
  REQUIRE(eventually([&] {
    return options.on_full == OnFull::kWait ? waits.load() : world.etcd->counts().lease_grant > before.lease_grant;
  }));
  stop.request_stop();
  // A claim that was told to stop still tries, for a second, to revoke its lease.
  std::atomic<bool> ended{false};
  std::jthread joiner([&] {
    claimant.join();
    ended = true;
  });
  REQUIRE(eventually([&] { return ended.load(); }));
  joiner.join();
  CHECK(code == ErrorCode::kCancelled);
}

TEST_CASE("release is bounded with a silent etcd", "[claim]") {
  World world(1, Time::kStandsStill);
  auto keeper = world.keep();
  world.etcd->set_network(FakeEtcd::Network::kSilent);
  const TimePoint until = world.clock.now() + 500ms;
  std::atomic<bool> ended{false};
  std::optional<Status> released;
  std::jthread releaser([&] {
    released = keeper->release(until);
    ended = true;
  });
  REQUIRE(eventually([&] { return world.etcd->counts().lease_revoke == 1; }));
  CHECK_FALSE(keeper->held());
  CHECK_FALSE(ended);
  world.clock.advance(500ms);
  REQUIRE(eventually([&] { return ended.load(); }));
  releaser.join();
  CHECK_FALSE(released->has_value());
}

TEST_CASE("a release that failed is tried again by the next one", "[claim]") {
  World world(1);
  auto keeper = world.keep();
  world.etcd->set_network(FakeEtcd::Network::kRefusing);
  CHECK_FALSE(keeper->release(world.clock.now() + 50ms).has_value());
  CHECK_FALSE(keeper->release(world.clock.now() + 50ms).has_value());
  world.etcd->set_network(FakeEtcd::Network::kUp);
  CHECK(world.records() == 1);
  CHECK(keeper->release(world.clock.now() + 2s).has_value());
  CHECK(world.records() == 0);
  CHECK(keeper->release(world.clock.now() + 2s).has_value());
}

TEST_CASE("a keeper wakes at the moment its trust ends, under whatever clock", "[claim]") {
  World world(1, Time::kStandsStill);
  auto keeper = world.keep();
  const auto lost = keeper->lost();
  world.etcd->set_network(FakeEtcd::Network::kSilent);
  world.clock.advance(19s);
  CHECK(keeper->held());
  CHECK_FALSE(lost.stop_requested());
  world.clock.advance(600ms);  // 400 ms before the lease's 20 s are over
  REQUIRE(eventually([&] { return lost.stop_requested(); }));
  CHECK(keeper->phase() == Phase::kSuspect);
}

TEST_CASE("a keep-alive's answer is not lost behind a heap of watch events", "[claim]") {
  World world(1);
  const auto mailbox = std::make_shared<ClaimMailbox>(world.clock, 2);
  for (int i = 0; i < 5; ++i) mailbox->push_or_drop(NumberedBatch{1, WatchBatch{}});
  REQUIRE(world.etcd->lease_grant(7, 20s, {}).has_value());
  LeasePair leases;
  leases.session.emplace(*world.etcd, world.clock, mailbox, 7, 20s, world.clock.now());
  world.clock.advance(8s);
  leases.send_due();
  REQUIRE(eventually([&] {
    leases.wait(*mailbox, world.clock, world.clock.now(), {});
    return leases.session->machine().trust_until() > world.clock.now() + 15s;
  }));
  CHECK(mailbox->take_overflow());
}

}  // namespace idetcd
