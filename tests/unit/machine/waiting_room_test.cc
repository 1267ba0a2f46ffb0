// The queue for a full pool, seen through watches that lag as they like.
#include "machine/waiting_room.h"
#include "unit/claim/claim_contest.h"

#include <catch2/catch.hpp>

#include <memory>
#include <random>
#include <vector>

namespace idetcd {
using namespace internal;
namespace {

using testing::Claimant;
using testing::Storm;

// A waiter that sees what the store did through the two watches, each at its own pace.
struct Waiter {
  Waiter(Storm& storm, Claimant& one) : storm_(storm), one_(one), room(storm.keys_, storm.names_, one.node) {
    REQUIRE(room.load(*storm.store_.txn(room.listing())));
    members_seen_ = records_seen_ = room.revision();
  }

  void see_members() { see(storm_.keys_.members(), members_seen_, true); }
  void see_records() { see(storm_.keys_.records(), records_seen_, false); }

  void see(const KeyRange& keys, Revision& seen, bool members) {
    WatchBatch batch;
    batch.events = storm_.store_.events(keys, seen + 1);
    seen = storm_.store_.revision();
    members ? room.apply_members(batch) : room.apply_records(batch);
  }

  Storm& storm_;
  Claimant& one_;
  WaitingRoom room;
  Revision members_seen_ = 0;
  Revision records_seen_ = 0;
};

}  // namespace

TEST_CASE("waiters come in by ticket, with one transaction for each freed slot", "[claim][wait]") {
  std::minstd_rand random(GENERATE(range(1, 10)));
  Storm storm(20);
  for (int i = 0; i < 20; ++i) storm.settle(storm.add(i));
  std::vector<std::unique_ptr<Waiter>> waiters;
  for (int i = 100; i < 110; ++i) {
    Claimant& one = storm.add(i);
    const Ranked ranked = storm.line_up(one);
    REQUIRE(ranked.free == 0);
    CHECK(ranked.rank == waiters.size() + 1);
    waiters.push_back(std::make_unique<Waiter>(storm, one));
  }

  std::size_t next = 0;
  int transactions = 0;
  for (int freed = 0; freed < 10; ++freed) {
    storm.kill(*storm.all_[static_cast<std::size_t>(freed)]);
    while (next < static_cast<std::size_t>(freed) + 1) {
      Waiter& waiter = *waiters[random() % waiters.size()];
      random() % 2 ? waiter.see_members() : waiter.see_records();
      if (waiter.one_.owned || !waiter.room.my_turn()) continue;
      waiter.one_.claim.retarget(waiter.room.occupancy(), waiter.room.rank());
      storm.step(waiter.one_);
      ++transactions;
      REQUIRE(waiter.one_.owned);
      CHECK(&waiter == waiters[next].get());
      ++next;
    }
  }
  CHECK(transactions == 10);
}

TEST_CASE("a dead waiter's place is taken by the next", "[claim][wait]") {
  Storm storm(1);
  Claimant& owner = storm.add(0);
  storm.step(owner);
  std::vector<std::unique_ptr<Waiter>> waiters;
  for (int i = 1; i <= 3; ++i) {
    Claimant& one = storm.add(i);
    storm.line_up(one);
    waiters.push_back(std::make_unique<Waiter>(storm, one));
  }
  CHECK(waiters[2]->room.rank() == 3);
  storm.kill(*storm.all_[1]);
  for (auto& waiter : waiters) waiter->see_members();
  CHECK_FALSE(waiters[0]->room.queued());
  CHECK(waiters[1]->room.rank() == 1);
  CHECK(waiters[2]->room.rank() == 2);
  CHECK_FALSE(waiters[1]->room.my_turn());
  storm.kill(owner);
  waiters[1]->see_records();
  CHECK_FALSE(waiters[1]->room.my_turn());  // its owner's entry still stands in this view
  waiters[1]->see_members();
  CHECK(waiters[1]->room.my_turn());
  CHECK_FALSE(waiters[2]->room.my_turn());
}

TEST_CASE("an older waiter with a lower limit leaves the slots beyond it to others", "[claim][wait]") {
  Storm storm(3);
  for (int i = 1; i <= 3; ++i) storm.settle(storm.add(i));
  Txn old;  // of a node that still has limit 2
  old.success.emplace_back(PutRequest{storm.keys_.ticket("old"), "2", 0});
  REQUIRE(storm.store_.txn(old).has_value());
  Claimant& one = storm.add(9);
  storm.line_up(one);
  Waiter waiter(storm, one);
  CHECK(waiter.room.rank() == 2);
  CHECK_FALSE(waiter.room.my_turn());
  const auto leave = [&](std::size_t owner) {
    storm.kill(*storm.all_[owner]);
    waiter.see_members();
    waiter.see_records();
  };

  SECTION("the slot beyond it") {
    leave(2);
    CHECK(waiter.room.my_turn());
    CHECK(waiter.room.pairing() == 1);
  }
  SECTION("a slot within it, which is the older one's") {
    leave(0);
    CHECK_FALSE(waiter.room.my_turn());
    leave(2);
    CHECK(waiter.room.pairing() == 2);
    CHECK(waiter.room.my_turn());
  }
  SECTION("until it is gone") {
    leave(0);
    REQUIRE(storm.store_.txn([&] {
      Txn gone;
      gone.success.emplace_back(DeleteRequest{KeyRange::one(storm.keys_.ticket("old"))});
      return gone;
    }()));
    waiter.see_members();
    CHECK(waiter.room.my_turn());
    CHECK(waiter.room.pairing() == 1);
  }
}

TEST_CASE("a record without a node entry, the ancestor's, takes its slot", "[claim][wait]") {
  Storm storm(1);
  Txn foreign;
  foreign.success.emplace_back(PutRequest{"worker1.tf.local.", R"({"ipv4":"10.0.0.9"})", 0});
  REQUIRE(storm.store_.txn(foreign).has_value());
  Claimant& one = storm.add(1);
  storm.line_up(one);
  Waiter waiter(storm, one);
  CHECK_FALSE(waiter.room.my_turn());
  Txn away;
  away.success.emplace_back(DeleteRequest{KeyRange::one("worker1.tf.local.")});
  REQUIRE(storm.store_.txn(away).has_value());
  waiter.see_records();
  CHECK(waiter.room.my_turn());
}

}  // namespace idetcd
