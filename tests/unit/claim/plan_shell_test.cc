// Plans and planners as the thread shells see them: how long a planner has, and what
// ending a plan costs its keeper.
#include "unit/claim/claim_world.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <optional>
#include <thread>

namespace idetcd {
using namespace internal;
namespace {

using namespace std::chrono_literals;
using testing::eventually;
using testing::FakeEtcd;
using testing::Time;
using testing::World;

void put(World& world, const std::string& key) {
  Txn txn;
  txn.success.emplace_back(PutRequest{key, {}, 0});
  REQUIRE(world.etcd->txn(txn, {}).has_value());
}

}  // namespace

TEST_CASE("each planner has its whole time, however long one has waited for others", "[claim][plan]") {
  World world(100, Time::kStandsStill);
  const PoolKeys keys("", world.pattern);
  put(world, keys.record(world.pattern.render(1)));
  put(world, keys.planner());
  ClaimOptions options;
  options.ttl = 16s;  // patience is 2 s to 4 s
  std::optional<SlotId> slot;
  std::jthread claimant([&] {
    const auto held = world.run(world.etcd, options);
    if (held) slot = held->owned.slot;
  });
  REQUIRE(eventually([&] { return world.etcd->counts().watch == 1; }));
  std::atomic<int> seen{0};  // by the test's watch, which is told after the claimant's
  const auto watch = world.etcd->watch({.keys = KeyRange::one(keys.planner())}, [&](const Result<WatchBatch>& batch) {
    if (batch) seen += static_cast<int>(batch->events.size());
  });
  for (int planners = 1; planners <= 3; ++planners) {
    world.clock.advance(1900ms);
    put(world, keys.planner());
    REQUIRE(eventually([&] { return seen == planners; }));
  }
  const auto reply = world.etcd->range({.keys = KeyRange::one(keys.planner())}, {});
  CHECK(reply->kvs.front().lease == 0);
  CHECK(world.etcd->counts().watch == 2);  // the claimant still waits
  world.clock.advance(4100ms);
  claimant.join();
  CHECK(slot == SlotId{2});
}

TEST_CASE("a plan that cannot be ended does not delay the end of trust", "[claim][plan]") {
  World world(3, Time::kStandsStill);
  auto held = world.run(world.etcd);
  REQUIRE(held.has_value());
  held->owned.published = Published{.plan = 1, .turn = 1};
  const auto keeper = ClaimKeeper::start(std::move(*held));
  REQUIRE(keeper.has_value());
  world.kept.push_back(*keeper);
  const auto lost = (*keeper)->lost();
  world.etcd->set_network(FakeEtcd::Network::kSilent);
  world.clock.advance(19s);
  CHECK_FALSE(lost.stop_requested());
  world.clock.advance(600ms);  // 400 ms before the lease's 20 s are over
  CHECK(eventually([&] { return lost.stop_requested(); }));
}

}  // namespace idetcd
