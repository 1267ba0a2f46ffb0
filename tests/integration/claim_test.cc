// Claims on a real etcd: what a node and its neighbours see.
#include "integration/claim_pool.h"
#include "support/eventually.h"

#include <catch2/catch.hpp>

#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

namespace idetcd {
namespace {

using namespace std::chrono_literals;
using testing::at;
using testing::ClaimPool;
using testing::eventually;
using testing::kPatience;

std::vector<Claim> claim_at_once(const ClaimPool& pool, int count) {
  std::mutex mutex;
  std::vector<Claim> claims;
  std::vector<std::jthread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&] {
      auto claim = pool.claim();
      const std::lock_guard lock(mutex);
      if (claim) claims.push_back(std::move(*claim));
    });
  }
  threads.clear();
  return claims;
}

std::set<SlotId> slots_of(const std::vector<Claim>& claims) {
  std::set<SlotId> slots;
  for (const Claim& claim : claims) slots.insert(claim.slot());
  return slots;
}

}  // namespace

TEST_CASE("a claim takes a slot, holds it and gives it back", "[claim]") {
  const ClaimPool pool(3);
  auto claim = pool.claim();
  REQUIRE(claim.has_value());
  CHECK(claim->slot() == 1);
  CHECK(claim->name() == "worker1.tf.local.");
  CHECK(claim->held());
  CHECK(claim->token() > 0);
  CHECK(pool.present(1));
  const auto lost = claim->lost();
  REQUIRE(claim->release().has_value());
  CHECK_FALSE(pool.present(1));
  CHECK_FALSE(claim->held());
  CHECK(lost.stop_requested());
}

TEST_CASE("the destructor gives the slot back", "[claim]") {
  const ClaimPool pool(3);
  { REQUIRE(pool.claim().has_value()); }
  CHECK_FALSE(pool.present(1));
}

TEST_CASE("forty at once take worker1..worker40, and the forty-first finds it full", "[claim]") {
  const ClaimPool pool(40);
  std::mutex mutex;
  std::vector<Claim> claims;
  std::vector<Error> refusals;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 41; ++i) {
      threads.emplace_back([&] {
        auto claim = pool.claim();
        std::lock_guard lock(mutex);
        if (claim) {
          claims.push_back(std::move(*claim));
        } else {
          refusals.push_back(claim.error());
        }
      });
    }
  }
  std::set<SlotId> slots;
  for (const Claim& claim : claims) slots.insert(claim.slot());
  REQUIRE(refusals.size() == 1);
  CHECK(refusals.front().code == ErrorCode::kFull);
  CHECK(slots.size() == 40);
  CHECK(*slots.rbegin() == 40);
  CHECK(pool.tickets() == 0);
}

TEST_CASE("a storm into a pool with gaps fills the lowest ones, and its plan goes", "[claim][plan]") {
  const ClaimPool pool(200);
  std::set<SlotId> gaps;
  for (SlotId slot = 1; slot < 100; slot += 2) {
    pool.put_foreign(slot);
    if (slot < 80) gaps.insert(slot + 1);
  }
  const auto claims = claim_at_once(pool, 40);
  CHECK(slots_of(claims) == gaps);
  CHECK(pool.tickets() == 0);
  CHECK(eventually([&] { return pool.plans() == 0; }));
}

TEST_CASE("in a quiet pool the next newcomer takes the lowest gap", "[claim][plan]") {
  const ClaimPool pool(30);
  std::vector<Claim> claims;
  for (int i = 0; i < 20; ++i) {
    auto claim = pool.claim();
    REQUIRE(claim.has_value());
    claims.push_back(std::move(*claim));
  }
  CHECK(*slots_of(claims).rbegin() == 20);
  REQUIRE(claims[11].release().has_value());
  const auto next = pool.claim();
  REQUIRE(next.has_value());
  CHECK(next->slot() == 12);
  CHECK(pool.plans() == 0);
}

TEST_CASE("a planner that hangs delays the others by less than a lease's time", "[claim][plan]") {
  const ClaimPool pool(100);
  for (SlotId slot = 1; slot <= 10; ++slot) pool.put_foreign(slot);
  constexpr LeaseId kHung = 4711;
  const auto granted = pool.etcd->lease_grant(kHung, 10 * kPatience, {});
  REQUIRE((granted || granted.error().code == ErrorCode::kAlreadyExists));
  Txn elect;
  elect.success.emplace_back(PutRequest{pool.root() + "planner", {}, kHung});
  REQUIRE(pool.etcd->txn(elect, {}).has_value());
  const auto start = std::chrono::steady_clock::now();
  const auto claims = claim_at_once(pool, 20);
  CHECK(std::chrono::steady_clock::now() - start < pool.options.ttl);
  std::set<SlotId> gaps;
  for (SlotId slot = 11; slot <= 30; ++slot) gaps.insert(slot);
  CHECK(slots_of(claims) == gaps);
}

TEST_CASE("a full pool can be waited for, first come first served", "[claim][wait]") {
  ClaimPool pool(1);
  auto first = pool.claim();
  REQUIRE(first.has_value());
  pool.options.on_full = OnFull::kWait;
  std::mutex mutex;
  std::vector<int> order;
  std::vector<std::jthread> waiters;
  for (int i = 0; i < 4; ++i) {
    waiters.emplace_back([&, i](const std::stop_token& stop) {
      const auto claim = pool.claim(stop);
      const std::lock_guard lock(mutex);
      if (claim) order.push_back(i);
    });
    REQUIRE(eventually([&] { return pool.tickets() == static_cast<std::size_t>(i) + 1; }));
  }
  REQUIRE(first->release().has_value());
  for (auto& waiter : waiters) waiter.join();
  CHECK(order == std::vector<int>{0, 1, 2, 3});
}

TEST_CASE("waiting ends when it is told to, and leaves no ticket", "[claim][wait]") {
  ClaimPool pool(1);
  auto first = pool.claim();
  REQUIRE(first.has_value());
  pool.options.on_full = OnFull::kWait;
  std::optional<Error> error;
  std::jthread waiter([&](const std::stop_token& stop) {
    const auto claim = pool.claim(stop);
    if (!claim) error = claim.error();
  });
  REQUIRE(eventually([&] { return pool.tickets() == 1; }));
  waiter.request_stop();
  waiter.join();
  REQUIRE(error);
  CHECK(error->code == ErrorCode::kCancelled);
  CHECK(pool.tickets() == 0);
}

TEST_CASE("waiting has an end when it is given one", "[claim][wait]") {
  ClaimPool pool(1);
  auto first = pool.claim();
  REQUIRE(first.has_value());
  pool.options.on_full = OnFull::kWait;
  pool.options.longest_wait = 300ms;
  const auto second = pool.claim();
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().code == ErrorCode::kFull);
  CHECK(pool.tickets() == 0);
}

TEST_CASE("an overwritten record is loss, noticed at once", "[claim]") {
  ClaimPool pool(3);
  pool.options.ttl = 10 * kPatience;  // so that it is not the next renewal that notices
  auto claim = pool.claim();
  REQUIRE(claim.has_value());
  pool.put_foreign(1);
  REQUIRE(eventually([&] { return claim->lost().stop_requested(); }));
  CHECK_FALSE(claim->held());
  CHECK(claim->update(at("10.0.0.2")).error().code == ErrorCode::kLost);
  REQUIRE(claim->release().has_value());
  CHECK(pool.present(1));  // what is there now is not ours to delete
}

TEST_CASE("a record can be replaced under the same token", "[claim]") {
  const ClaimPool pool(3);
  auto claim = pool.claim();
  REQUIRE(claim.has_value());
  for (int i = 0; i < 20; ++i) REQUIRE(claim->update(at("10.0.0.2")).has_value());
  auto store = RecordStore::open(pool.etcd, {.pattern = pool.pattern, .path = pool.options.path});
  REQUIRE(store.has_value());
  const auto named = (*store)->snapshot()->find(1);
  REQUIRE(named.has_value());
  CHECK(to_string(named->record.ipv4.front()) == "10.0.0.2");
  CHECK(named->token == claim->token());
  CHECK(named->lease == claim->lease());
  CHECK(claim->held());
}

TEST_CASE("a revoked lease is loss", "[claim]") {
  const ClaimPool pool(3);
  auto claim = pool.claim();
  REQUIRE(claim.has_value());
  REQUIRE(pool.etcd->lease_revoke(claim->lease(), {}).has_value());
  CHECK(eventually([&] { return !claim->held(); }));
}

TEST_CASE("a node id in use is refused, naming both", "[claim]") {
  ClaimPool pool(3);
  pool.options.node_id = "host-7";
  pool.options.ttl = 2s;  // a twin on the same machine is told from an earlier run when that has passed
  auto claim = pool.claim();
  REQUIRE(claim.has_value());
  const auto twin = SlotClaimer(pool.etcd, pool.pattern, pool.options).claim(at("10.0.0.2"));
  REQUIRE_FALSE(twin.has_value());
  CHECK(twin.error().code == ErrorCode::kDuplicateNode);
  CHECK(twin.error().message.find("10.0.0.1") != std::string::npos);
  CHECK(twin.error().message.find("10.0.0.2") != std::string::npos);
  CHECK(claim->held());
}

TEST_CASE("a forked child neither owns nor revokes", "[claim]") {
  const ClaimPool pool(3);
  auto claim = pool.claim();
  REQUIRE(claim.has_value());
  const pid_t child = ::fork();
  if (child == 0) {
    const bool held = claim->held();
    { Claim inherited = std::move(*claim); }
    ::_exit(held ? 1 : 0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(pool.present(1));
  CHECK(claim->held());
}

TEST_CASE("with etcd away a claim is given up in time, and comes back when the lease lived", "[claim][own-etcd]") {
  if (testing::uses_outside_etcd()) return;
  testing::EtcdProcess server;
  ClaimPool pool(3, testing::connect_for_test({server.endpoint()}));

  SECTION("hung for longer than the lease") {
    pool.options.ttl = 4s;
    auto claim = pool.claim();
    REQUIRE(claim.has_value());
    const Revision token = claim->token();
    const auto lost = claim->lost();
    server.pause();
    REQUIRE(eventually([&] { return !claim->held(); }));
    CHECK(eventually([&] { return lost.stop_requested(); }));
    server.resume();
    // A paused etcd's clock went on: it may or may not have expired the lease. In the
    // end the claim is held if the key is there, and under no other token.
    CHECK(eventually([&] { return claim->held() == pool.present(1); }));
    CHECK(claim->token() == token);
  }
  SECTION("restarted within the lease") {
    pool.options.ttl = 10s;  // longer than a restart takes
    auto claim = pool.claim();
    REQUIRE(claim.has_value());
    server.kill();
    server.start();
    // For longer than a lease lives that nobody renews.
    CHECK_FALSE(eventually(12s, [&] { return !claim->held(); }));
    CHECK(pool.present(1));
  }
}

}  // namespace idetcd
