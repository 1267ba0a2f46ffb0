// A node id that is in use: by an earlier run of the node, which is waited out, or by another node.
#include "base/boot_id.h"
#include "model/node_entry.h"
#include "unit/claim/claim_world.h"

#include <catch2/catch.hpp>

#include <future>

namespace idetcd {
using namespace internal;
namespace {

using namespace std::chrono_literals;
using testing::at;
using testing::eventually;
using testing::Log;
using testing::Time;
using testing::World;

constexpr LeaseId kFormerLease = 77;
constexpr std::string_view kOwnAddress = "10.0.0.1";  // of World's nodes

ClaimOptions options_with(Log& log) {
  ClaimOptions options;
  options.node_id = "host-7";
  options.log = log.sink();
  return options;
}

// What a claim by "host-7" leaves in etcd.
void write_claim(const World& world, const NodeEntry& entry, LeaseId lease, std::chrono::seconds ttl) {
  REQUIRE(world.etcd->lease_grant(lease, ttl, {}).has_value());
  Record record = at(1);
  record.ttl = ttl;
  Txn txn;
  txn.success.emplace_back(PutRequest{PoolKeys("", world.pattern).node("host-7"), to_json(entry), lease});
  txn.success.emplace_back(
      PutRequest{PoolKeys("", world.pattern).record(world.pattern.render(entry.slot)), to_json(record), lease});
  REQUIRE(world.etcd->txn(txn, {}).has_value());
}

std::future<Result<HeldSlot>> start_claim(const World& world, const ClaimOptions& options) {
  return std::async(std::launch::async, [&world, options] { return world.run(world.etcd, options); });
}

bool is_ready(const std::future<Result<HeldSlot>>& claim) {
  return claim.wait_for(0s) == std::future_status::ready;
}

}  // namespace

TEST_CASE("a run that was killed is waited out, and its slot taken", "[claim][restart]") {
  World world(3);
  Log log;
  ClaimOptions options = options_with(log);
  NodeEntry former{2, std::string(kOwnAddress), {}};
  SECTION("known by its address") {}
  SECTION("known by its boot") {
    former = {2, "192.0.2.1", boot_mark()};
  }
  SECTION("sticky") {
    options.sticky = 60s;
  }
  SECTION("when a full pool would be waited for") {
    options.on_full = OnFull::kWait;
  }
  write_claim(world, former, kFormerLease, 50s);
  auto claim = start_claim(world, options);
  REQUIRE(eventually([&] { return !log.lines().empty(); }));
  CHECK(log.lines().front().find("still has slot 2") != std::string::npos);
  CHECK(log.lines().front().find("waiting up to 52 s") != std::string::npos);
  world.clock.advance(30s);
  CHECK_FALSE(is_ready(claim));
  world.clock.advance(20s);
  const auto held = claim.get();
  REQUIRE(held.has_value());
  CHECK(world.records() == 1);
  CHECK(log.lines().size() == 1);
}

TEST_CASE("an owner of the node id that outlives its lease's time is alive", "[claim][restart]") {
  World world(3);
  Log log;
  const ClaimOptions options = options_with(log);
  const auto keeper = world.keep(options);
  const TimePoint begin = world.clock.now();
  auto claim = start_claim(world, options);
  REQUIRE(eventually([&] { return !log.lines().empty(); }));
  while (world.clock.now() < begin + 20s) {
    CHECK_FALSE(is_ready(claim));
    world.clock.advance(1s);
    REQUIRE(eventually([&] { return keeper->trusted_until() > world.clock.now().time_since_epoch() + 10s; }));
  }
  world.clock.advance(3s);
  const auto twin = claim.get();
  REQUIRE_FALSE(twin.has_value());
  CHECK(twin.error().code == ErrorCode::kDuplicateNode);
  CHECK(twin.error().message.find("it is alive") != std::string::npos);
  CHECK(keeper->held());
}

TEST_CASE("somebody else who takes the node id meanwhile is alive", "[claim][restart]") {
  World world(3);
  Log log;
  const NodeEntry former{1, std::string(kOwnAddress), {}};
  write_claim(world, former, kFormerLease, 20s);
  auto claim = start_claim(world, options_with(log));
  REQUIRE(eventually([&] { return !log.lines().empty(); }));
  write_claim(world, former, kFormerLease + 1, 20s);
  const auto twin = claim.get();
  REQUIRE_FALSE(twin.has_value());
  CHECK(twin.error().code == ErrorCode::kDuplicateNode);
}

TEST_CASE("another machine with the node id is not waited for", "[claim][restart]") {
  World world(3, Time::kStandsStill);
  Log log;
  write_claim(world, {1, "192.0.2.1", "another boot"}, kFormerLease, 20s);
  const auto twin = world.run(world.etcd, options_with(log));
  REQUIRE_FALSE(twin.has_value());
  CHECK(twin.error().code == ErrorCode::kDuplicateNode);
  CHECK(twin.error().message.find("192.0.2.1") != std::string::npos);
  CHECK(log.lines().empty());
}

}  // namespace idetcd
