// The thread shells around the claim's machines, on an etcd in memory that loses
// answers, goes away, runs full and is restored from a backup.
#include "claim/claim_keeper.h"
#include "support/counting_etcd.h"
#include "support/eventually.h"
#include "support/fake_etcd.h"
#include "support/faulty_etcd.h"

#include <idetcd/registration.h>
#include <catch2/catch.hpp>

#include <mutex>
#include <set>
#include <thread>

namespace idetcd {
using namespace internal;
namespace {

using namespace std::chrono_literals;
using testing::EtcdCall;
using testing::eventually;
using testing::FakeEtcd;
using testing::Fault;
using testing::FaultyEtcd;
using testing::ManualClock;
using Phase = ClaimKeeper::Phase;

constexpr auto kPatience = 20s;

Record some_record() {
  Record record;
  record.ipv4.push_back({10, 0, 0, 1});
  return record;
}

struct World {
  explicit World(SlotId limit) : pattern(*PatternTemplate::parse("worker{{.ID}}.tf.local.", limit)) {}

  Result<HeldSlot> run(const std::shared_ptr<Etcd>& through, ClaimOptions options = {},
                       std::stop_token stop = {}) const {
    return ClaimRun({.etcd = through, .pattern = pattern, .options = std::move(options), .clock = &clock},
                    some_record(), stop)
        .run();
  }
  std::unique_ptr<ClaimKeeper> keep(std::chrono::seconds ttl = 20s) const {
    ClaimOptions options;
    options.ttl = ttl;
    auto held = run(etcd, options);
    REQUIRE(held.has_value());
    return std::make_unique<ClaimKeeper>(std::move(*held));
  }
  std::size_t records() const {
    return etcd->range({.keys = PoolKeys("", pattern).records(), .count_only = true}, {})->count;
  }
  // The keeper sleeps by real time; a jump of the clock must wake it.
  void jump(const ClaimKeeper& keeper, std::chrono::nanoseconds by) {
    clock.advance(by);
    keeper.slot().mailbox->push(Nudge{});
  }

  ManualClock clock{boot_clock()};
  std::shared_ptr<FakeEtcd> etcd = std::make_shared<FakeEtcd>(clock);
  PatternTemplate pattern;
};

Phase phase_of(ClaimKeeper& keeper) {
  return keeper.wait_change(Phase{-1}, {});
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
  std::jthread newcomer([&] { CHECK(world.run(world.etcd).has_value()); });
  world.jump(*keeper, 8s);  // a keep-alive falls due
  CHECK(keeper->held());
  world.etcd->set_disk(FakeEtcd::Disk::kFree);
  newcomer.join();
  CHECK(world.records() == 2);
}

TEST_CASE("a claim can be released while the disk is full", "[claim]") {
  World world(3);
  auto keeper = world.keep();
  world.etcd->set_disk(FakeEtcd::Disk::kFull);
  CHECK(keeper->release(2s).has_value());
  CHECK(world.etcd->leases() == 0);
}

TEST_CASE("fenced at the deadline, and held again when the lease proves to have lived", "[claim]") {
  World world(3);
  auto keeper = world.keep(2s);
  const auto lost = keeper->lost();
  const Revision token = keeper->slot().owned.token;
  world.etcd->stop();
  world.jump(*keeper, 60s);
  CHECK_FALSE(keeper->held());  // at once, by the clock alone
  REQUIRE(eventually(kPatience, [&] { return lost.stop_requested(); }));
  CHECK(phase_of(*keeper) == Phase::kDoubted);
  world.etcd->start();  // leases stood still with it
  REQUIRE(eventually(kPatience, [&] { return keeper->held(); }));
  CHECK(keeper->slot().owned.token == token);
  CHECK_FALSE(keeper->lost().stop_requested());
  CHECK(lost.stop_requested());
}

TEST_CASE("lost for good when the lease has ended meanwhile", "[claim]") {
  World world(3);
  auto keeper = world.keep();
  world.etcd->set_network(FakeEtcd::Network::kRefusing);
  world.jump(*keeper, 60s);
  CHECK_FALSE(keeper->held());
  world.etcd->set_network(FakeEtcd::Network::kUp);
  REQUIRE(eventually(kPatience, [&] { return phase_of(*keeper) == Phase::kGone; }));
  CHECK(world.records() == 0);
}

TEST_CASE("a sticky slot is kept for its whole time, whenever its node dies", "[claim][sticky]") {
  World world(2);
  ClaimOptions options;
  options.ttl = 20s;
  options.node_id = "host-7";
  options.sticky = 60s;
  auto held = world.run(world.etcd, options);
  REQUIRE(held.has_value());
  ClaimKeeper keeper(std::move(*held));
  for (int renewal = 1; renewal <= 3; ++renewal) {
    world.jump(keeper, 7s);
    REQUIRE(eventually(kPatience, [&] { return world.etcd->counts().keep_alive >= 2 * renewal; }));
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

TEST_CASE("a registration that lost its lease goes for its own slot first", "[claim][registration]") {
  const auto etcd = std::make_shared<FakeEtcd>();
  const auto pattern = *PatternTemplate::parse("worker{{.ID}}.tf.local.", 5);
  auto first = SlotClaimer(etcd, pattern, {}).claim(some_record());
  REQUIRE(first.has_value());
  std::mutex mutex;
  std::vector<Ownership> claims;
  const auto count = [&] {
    std::lock_guard lock(mutex);
    return claims.size();
  };
  RegistrationOptions options;
  options.on_claimed = [&](const Ownership& ownership) {
    std::lock_guard lock(mutex);
    claims.push_back(ownership);
  };
  Registration registration(etcd, pattern, options, some_record());
  REQUIRE(eventually(kPatience, [&] { return count() == 1; }));
  REQUIRE(first->release().has_value());
  etcd->expire(claims[0].lease);
  REQUIRE(eventually(kPatience, [&] { return count() == 2; }));
  CHECK(claims[0].slot == 2);
  CHECK(claims[1].slot == 2);
  CHECK(claims[1].node_id == claims[0].node_id);
  CHECK(claims[1].token > claims[0].token);
}

TEST_CASE("an etcd restored from a backup without our claim: fenced, then lost", "[claim]") {
  World world(3);
  const auto before = world.etcd->backup();
  auto keeper = world.keep();
  world.etcd->restore(before);
  world.jump(*keeper, 8s);
  REQUIRE(eventually(kPatience, [&] { return phase_of(*keeper) == Phase::kGone; }));
  CHECK_FALSE(keeper->held());
}

TEST_CASE("an etcd restored from a backup with our claim: proved, then held", "[claim]") {
  World world(3);
  auto keeper = world.keep();
  const auto backup = world.etcd->backup();
  world.etcd->restore(backup);
  world.jump(*keeper, 8s);
  // The keep-alive's answer shows another cluster: doubt, proof, and held again.
  const auto asked = world.etcd->counts().txn;
  REQUIRE(
      eventually(kPatience, [&] { return world.etcd->counts().txn > asked || world.etcd->counts().keep_alive > 0; }));
  CHECK(eventually(kPatience, [&] { return keeper->held(); }));
  CHECK(keeper->release(2s).has_value());
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
  auto held = world.run(lagging);
  REQUIRE(held);
  ClaimKeeper keeper(std::move(*held));
  const std::stop_token lost = keeper.lost();
  for (int round = 0; round < 5; ++round) {
    const auto asked = lagging->requests();
    world.jump(keeper, 8s);
    REQUIRE(eventually(kPatience, [&] { return lagging->requests() > asked; }));
  }
  REQUIRE(eventually(kPatience, [&] { return keeper.held(); }));
  CHECK_FALSE(lost.stop_requested());
}

TEST_CASE("suspicion that can not be cleared ends with the trust there was", "[claim]") {
  World world(3);
  const auto faulty = std::make_shared<FaultyEtcd>(world.etcd);
  auto held = world.run(std::make_shared<LaggingMember>(faulty));
  REQUIRE(held);
  ClaimKeeper keeper(std::move(*held));
  faulty->script(EtcdCall::kTxn, std::vector(1000, Fault::request_lost()));
  for (int round = 0; round < 3; ++round) {
    const auto sent = world.etcd->counts().keep_alive;
    world.jump(keeper, 7s);
    REQUIRE(eventually(kPatience, [&] { return world.etcd->counts().keep_alive > sent; }));
  }
  CHECK_FALSE(keeper.held());
  CHECK(eventually(kPatience, [&] { return phase_of(keeper) == Phase::kDoubted; }));
}

TEST_CASE("claiming stops when told to, with etcd refusing, silent or full", "[claim]") {
  World world(1);
  const auto network = GENERATE(FakeEtcd::Network::kRefusing, FakeEtcd::Network::kSilent);
  world.etcd->set_network(network);
  std::stop_source stop;
  std::jthread claimant([&] {
    const auto held = world.run(world.etcd, {}, stop.get_token());
    REQUIRE_FALSE(held.has_value());
    CHECK(held.error().code == ErrorCode::kCancelled);
  });
  stop.request_stop();
  const auto asked = std::chrono::steady_clock::now();
  claimant.join();
  CHECK(std::chrono::steady_clock::now() - asked < 5s);
}

TEST_CASE("release is bounded with a silent etcd", "[claim]") {
  World world(1);
  auto keeper = world.keep();
  world.etcd->set_network(FakeEtcd::Network::kSilent);
  const auto asked = std::chrono::steady_clock::now();
  CHECK_FALSE(keeper->release(500ms).has_value());
  CHECK_FALSE(keeper->held());
  CHECK(std::chrono::steady_clock::now() - asked < CallOptions{}.timeout);  // a call's own bound
}

}  // namespace idetcd
