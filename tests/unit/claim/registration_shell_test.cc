// Registrations on an etcd in memory: what update() promises, and what callbacks may do.
#include "claim/registration_run.h"
#include "support/counting_etcd.h"
#include "unit/claim/claim_world.h"

#include <idetcd/registration.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <functional>
#include <optional>
#include <stdexcept>
#include <thread>

namespace idetcd {
using namespace internal;
namespace {

using namespace std::chrono_literals;
using testing::at;
using testing::eventually;
using testing::FakeEtcd;
using testing::Log;
using testing::Time;
using testing::World;

std::shared_ptr<RegistrationRun> start(const World& world, const std::shared_ptr<Etcd>& etcd,
                                       RegistrationOptions options = {}) {
  auto started = RegistrationRun::start(etcd, world.pattern, std::move(options), at(1), world.clock);
  REQUIRE(started.has_value());
  return *started;
}

// Ends a registration with its test, whatever the test finds.
class Ended {
 public:
  explicit Ended(std::shared_ptr<RegistrationRun> run) : run_(std::move(run)) {}
  Ended(const Ended&) = delete;
  Ended& operator=(const Ended&) = delete;
  ~Ended() { (void)run_->release(0ms); }  // asks etcd nothing
  RegistrationRun* operator->() const { return run_.get(); }

 private:
  const std::shared_ptr<RegistrationRun> run_;
};

// Meddles with the writing of records, but not with claims.
class WriteFaults final : public testing::CountingEtcd {
 public:
  using CountingEtcd::CountingEtcd;

  std::atomic<int> to_refuse{0};
  std::atomic<bool> gate_shut{false};
  std::atomic<int> at_gate{0};

  Result<TxnReply> txn(const Txn& txn, const CallOptions& options) override {
    if (writes_record(txn)) {
      ++at_gate;
      while (gate_shut && !options.stop.stop_requested()) std::this_thread::yield();
      if (to_refuse > 0 && to_refuse-- > 0) return Error{ErrorCode::kUnavailable, "the request was lost"};
    }
    return CountingEtcd::txn(txn, options);
  }

 private:
  static bool writes_record(const Txn& txn) {
    return txn.success.size() == 1 && std::holds_alternative<PutRequest>(txn.success.front());
  }
};

bool holds(const Ended& registration) {
  return eventually([&] { return registration->held(); });
}

}  // namespace

TEST_CASE("update() while the claim is suspect: written when it proves to have lived", "[registration]") {
  World world(1);
  std::atomic<int> losses{0};
  RegistrationOptions options;
  options.on_lost = [&](std::string_view) { ++losses; };
  const Ended registration(start(world, world.etcd, options));
  REQUIRE(holds(registration));
  const Revision token = registration->ownership()->token;
  world.etcd->stop();  // leases stand still with it
  world.clock.advance(60s);
  REQUIRE(eventually([&] { return losses == 1; }));
  CHECK(registration->update(at(2)).has_value());
  world.etcd->start();
  REQUIRE(eventually([&] { return world.address(1) == 2; }));
  CHECK(registration->ownership()->token == token);
}

TEST_CASE("a registration that leaves leaves its name in etcd, and is not held", "[registration]") {
  World world(1);
  std::atomic<int> losses{0};
  RegistrationOptions options;
  options.on_lost = [&](std::string_view) { ++losses; };
  const Ended registration(start(world, world.etcd, options));
  REQUIRE(holds(registration));
  registration->leave();
  CHECK_FALSE(registration->held());
  CHECK(world.address(1) == 1);
  CHECK(registration->release(2s).has_value());  // it has ended
  CHECK(world.address(1) == 1);
  CHECK(losses == 0);
}

TEST_CASE("update() while claiming: written after the claim, however often that fails", "[registration]") {
  World world(1);
  auto owner = world.keep();
  const auto faults = std::make_shared<WriteFaults>(world.etcd);
  std::atomic<bool> waits{false};
  RegistrationOptions options;
  options.claim.on_full = OnFull::kWait;
  options.claim.on_position = [&](std::size_t) { waits = true; };
  const Ended registration(start(world, faults, options));
  REQUIRE(eventually([&] { return waits.load(); }));
  CHECK(registration->update(at(2)).has_value());
  faults->to_refuse = 3;
  REQUIRE(owner->release(world.clock.now() + 2s).has_value());
  REQUIRE(eventually([&] { return world.address(1) == 2; }));
  CHECK(faults->to_refuse == 0);
}

TEST_CASE("update() of a held claim returns when the record is there, whatever fails meanwhile", "[registration]") {
  World world(1);
  const auto faults = std::make_shared<WriteFaults>(world.etcd);
  const Ended registration(start(world, faults));
  REQUIRE(holds(registration));
  faults->to_refuse = 2;
  CHECK(registration->update(at(2)).has_value());
  CHECK(world.address(1) == 2);
}

TEST_CASE("updates that cross end with the newest record", "[registration]") {
  World world(1);
  const auto faults = std::make_shared<WriteFaults>(world.etcd);
  const Ended registration(start(world, faults));
  REQUIRE(holds(registration));
  faults->gate_shut = true;
  std::optional<Status> older;
  std::optional<Status> newer;
  std::jthread one([&] { older = registration->update(at(2)); });
  REQUIRE(eventually([&] { return faults->at_gate == 1; }));  // being written
  std::jthread two([&] { newer = registration->update(at(3)); });
  faults->to_refuse = 1;  // the older one's answer is an error, and it must not come back later
  faults->gate_shut = false;
  one.join();
  two.join();
  CHECK(older->has_value());
  CHECK(newer->has_value());
  CHECK(world.address(1) == 3);
}

TEST_CASE("update() after the end is an error", "[registration]") {
  World world(1);
  const Ended registration(start(world, world.etcd));
  REQUIRE(holds(registration));
  REQUIRE(registration->release(2s).has_value());
  CHECK(registration->update(at(2)).error().code == ErrorCode::kLost);
  CHECK_FALSE(registration->ownership());
}

TEST_CASE("a registration's second release() tries again what the first could not do", "[registration]") {
  World world(1);
  const Ended registration(start(world, world.etcd));
  REQUIRE(holds(registration));
  world.etcd->set_network(FakeEtcd::Network::kRefusing);
  CHECK_FALSE(registration->release(50ms).has_value());
  CHECK_FALSE(registration->release(50ms).has_value());
  world.etcd->set_network(FakeEtcd::Network::kUp);
  CHECK(world.records() == 1);
  CHECK(registration->release(2s).has_value());
  CHECK(world.records() == 0);
}

TEST_CASE("release() keeps to its time with a hung etcd and a record being written", "[registration]") {
  World world(1, Time::kStandsStill);
  const Ended registration(start(world, world.etcd));
  REQUIRE(holds(registration));
  const auto before = world.etcd->counts().txn;
  world.etcd->set_network(FakeEtcd::Network::kSilent);
  std::jthread updater([&] { (void)registration->update(at(2)); });
  REQUIRE(eventually([&] { return world.etcd->counts().txn > before; }));
  std::atomic<bool> ended{false};
  std::jthread releaser([&] {
    (void)registration->release(2s);
    ended = true;
  });
  REQUIRE(eventually([&] { return world.etcd->counts().lease_revoke == 1; }));
  CHECK_FALSE(ended);
  REQUIRE(eventually([&] {
    world.clock.advance(50ms);
    return ended.load();
  }));
}

TEST_CASE("a registration that lost its lease goes for its own slot first", "[claim][registration]") {
  World world(5);
  auto first = world.keep();
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
  const Ended registration(start(world, world.etcd, options));
  REQUIRE(eventually([&] { return count() == 1; }));
  REQUIRE(first->release(world.clock.now() + 2s).has_value());
  world.etcd->expire(claims[0].lease);
  REQUIRE(eventually([&] { return count() == 2; }));
  CHECK(claims[0].slot == 2);
  CHECK(claims[1].slot == 2);
  CHECK(claims[1].node_id == claims[0].node_id);
  CHECK(claims[1].token > claims[0].token);
}

// --- what callbacks may do ----------------------------------------------------------------

namespace {

// A public Registration whose lease a test can end.
struct Role {
  explicit Role(RegistrationOptions options = {}, std::shared_ptr<FakeEtcd> on = std::make_shared<FakeEtcd>())
      : etcd(std::move(on)) {
    auto started =
        Registration::start(etcd, *PatternTemplate::parse("worker{{.ID}}.tf.local.", 3), std::move(options), at(1));
    REQUIRE(started.has_value());
    registration.emplace(std::move(*started));
  }
  void claimed() const {
    REQUIRE(eventually([&] { return registration->held(); }));
  }
  void lose() const { etcd->expire(registration->ownership()->lease); }
  std::size_t records() const {
    return etcd->range({.keys = KeyRange::prefix("worker"), .count_only = true}, {})->count;
  }

  std::shared_ptr<FakeEtcd> etcd;
  std::optional<Registration> registration;
};

}  // namespace

TEST_CASE("on_lost may release its registration", "[registration][callback]") {
  std::atomic<Registration*> own{nullptr};
  std::atomic<int> results{0};
  RegistrationOptions options;
  options.on_lost = [&](std::string_view) {
    if (own.load()->release().has_value()) ++results;
    if (own.load()->release().has_value()) ++results;
  };
  const Role role(options);
  role.claimed();
  own = const_cast<Registration*>(&*role.registration);
  role.lose();
  REQUIRE(eventually([&] { return results == 2; }));
  CHECK(own.load()->release().has_value());
  CHECK(role.records() == 0);
}

TEST_CASE("a callback may destroy its registration", "[registration][callback]") {
  Role* own = nullptr;
  std::atomic<bool> destroyed{false};
  std::string captured = "something that the callback owns, and still needs afterwards";
  std::string seen;
  RegistrationOptions options;
  const auto end = [&, captured] {
    own->registration.reset();
    seen = captured;
    destroyed = true;
  };
  SECTION("on_lost") {
    options.on_lost = [end](std::string_view) { end(); };
  }
  SECTION("on_ended") {
    options.on_lost_do = OnLost::kStop;
    options.on_ended = [end](const Error&) { end(); };
  }
  Role role(options);
  own = &role;
  role.claimed();
  role.lose();
  REQUIRE(eventually([&] { return destroyed.load(); }));
  CHECK(seen == captured);
  CHECK(eventually([&] { return role.etcd->leases() == 0; }));
}

TEST_CASE("a callback may destroy another registration", "[registration][callback]") {
  Role other;
  other.claimed();
  std::atomic<bool> done{false};
  RegistrationOptions options;
  options.on_lost = [&](std::string_view) {
    other.registration.reset();
    done = true;
  };
  const Role role(options);
  role.claimed();
  role.lose();
  REQUIRE(eventually([&] { return done.load(); }));
  CHECK(other.records() == 0);
}

TEST_CASE("a callback may update the record, which is written afterwards", "[registration][callback]") {
  World world(1);
  std::atomic<RegistrationRun*> own{nullptr};
  std::atomic<bool> updated{false};
  RegistrationOptions options;
  options.on_claimed = [&](const Ownership&) {
    while (own == nullptr) std::this_thread::yield();
    updated = own.load()->update(at(7)).has_value();
  };
  const auto run = start(world, world.etcd, options);
  const Ended registration(run);
  own = run.get();
  REQUIRE(eventually([&] { return world.address(1) == 7; }));
  CHECK(updated);
}

TEST_CASE("what a callback throws is logged, and the registration goes on", "[registration][callback]") {
  Log log;
  std::atomic<int> claims{0};
  RegistrationOptions options;
  options.claim.log = log.sink();
  options.on_claimed = [&](const Ownership&) {
    ++claims;
    throw std::runtime_error("no luck");
  };
  options.on_lost = [](std::string_view) { throw 7; };
  const Role role(options);
  role.claimed();
  role.lose();
  REQUIRE(eventually([&] { return claims == 2; }));
  const auto lines = log.lines();
  const auto logged = [&](std::string_view line) { return std::count(lines.begin(), lines.end(), line) > 0; };
  CHECK(logged("the callback on_claimed threw an exception: no luck"));
  CHECK(logged("the callback on_lost threw an exception: not a std::exception"));
}

TEST_CASE("a registration can be moved, and is nothing afterwards", "[registration]") {
  Role role;
  role.claimed();
  Registration moved = std::move(*role.registration);
  CHECK(moved.held());
  CHECK(moved.ownership()->name == "worker1.tf.local.");
  CHECK_FALSE(role.registration->held());
  CHECK_FALSE(role.registration->ownership());
  CHECK(role.registration->update(at(2)).error().code == ErrorCode::kLost);
  CHECK(role.registration->release().error().code == ErrorCode::kLost);
  const Role other({}, role.etcd);
  other.claimed();
  CHECK(role.records() == 2);
  moved = std::move(*const_cast<Role&>(other).registration);
  CHECK(moved.ownership()->name == "worker2.tf.local.");
  CHECK(role.records() == 1);
}

}  // namespace idetcd
