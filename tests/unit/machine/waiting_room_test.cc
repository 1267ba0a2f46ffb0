// The queue for a full pool, seen through watches that lag as they like.
#include "machine/waiting_room.h"
#include "unit/claim/claim_contest.h"

#include <catch2/catch.hpp>

#include <memory>
#include <optional>
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
    storm.line_up(one);
    waiters.push_back(std::make_unique<Waiter>(storm, one));
    REQUIRE(waiters.back()->room.occupancy().free() == 0);
    CHECK(waiters.back()->room.rank() == waiters.size());
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

// Two behind each other in a full pool; the second follows the queue alone.
struct Pair {
  Pair() : storm(30) {
    for (int i = 0; i < 30; ++i) storm.settle(storm.add(i));
    for (int i = 100; i < 102; ++i) {
      Claimant& one = storm.add(i);
      const InQueue queue = storm.line_up(one);
      rooms.push_back(std::make_unique<WaitingRoom>(storm.keys_, storm.names_, one.node));
      REQUIRE(rooms.back()->enter(queue.tickets, queue.revision));
    }
    first = storm.all_[30].get();
    second = storm.all_[31].get();
    REQUIRE(rooms[0]->load(*storm.store_.txn(rooms[0]->listing())));
    REQUIRE_FALSE(rooms[1]->is_next());
    REQUIRE(rooms[1]->is_second());
  }

  // As the shell does it; `watched`: the second had its watches before.
  void take_over() {
    const bool watched = static_cast<bool>(watched_since);
    if (watched) {
      rooms[1]->apply_records(since(storm.keys_.records(), *watched_since));
      rooms[1]->apply_members(since(storm.keys_.owners(), *watched_since));
    }
    REQUIRE(rooms[1]->take_over() == (watched ? WaitingRoom::TakeOver::kDone : WaitingRoom::TakeOver::kWatchAnew));
    if (watched) return;
    see_slots(1);
  }
  void watch_slots() {
    watched_since = storm.store_.revision();
    rooms[1]->owners_watched(*watched_since);
    rooms[1]->records_watched(*watched_since);
  }
  std::optional<Revision> watched_since;

  WatchBatch since(const KeyRange& keys, Revision revision) const {
    WatchBatch batch;
    batch.events = storm.store_.events(keys, revision + 1);
    return batch;
  }
  void see_slots(std::size_t index) {
    const Revision from = rooms[index]->revision();
    rooms[index]->apply_records(since(storm.keys_.records(), from));
    rooms[index]->apply_members(since(storm.keys_.members(), from));
  }
  void first_claims() {
    see_slots(0);
    REQUIRE(rooms[0]->my_turn());
    first->claim.retarget(rooms[0]->occupancy(), rooms[0]->pairing(), rooms[0]->handover());
    storm.step(*first);
    REQUIRE(first->owned);
    rooms[1]->apply_queue(since(storm.keys_.queue(), rooms[1]->revision()));
    REQUIRE(rooms[1]->is_next());
  }

  Storm storm;
  Claimant* first = nullptr;
  Claimant* second = nullptr;
  std::vector<std::unique_ptr<WaitingRoom>> rooms;
};

TEST_CASE("the next in the queue takes over what its predecessor knew of the slots", "[claim][wait]") {
  Pair pair;
  if (GENERATE(true, false)) pair.watch_slots();
  pair.storm.kill(*pair.storm.all_[6]);
  SECTION("one slot was free") {
    pair.first_claims();
    pair.take_over();
    CHECK_FALSE(pair.rooms[1]->my_turn());
    pair.storm.kill(*pair.storm.all_[20]);
    pair.see_slots(1);
  }
  SECTION("two were free") {
    pair.storm.kill(*pair.storm.all_[20]);
    pair.first_claims();
    pair.take_over();
  }
  SECTION("another was freed before it looked") {
    pair.first_claims();
    pair.storm.kill(*pair.storm.all_[20]);
    pair.take_over();
  }
  CHECK(pair.first->owned->slot == 7);
  REQUIRE(pair.rooms[1]->my_turn());
  CHECK_FALSE(pair.rooms[1]->handover());  // nobody is behind it
  pair.second->claim.retarget(pair.rooms[1]->occupancy(), pair.rooms[1]->pairing());
  pair.storm.step(*pair.second);
  REQUIRE(pair.second->owned);
  CHECK(pair.second->owned->slot == 21);
}

TEST_CASE("a watch that lags behind a handover does not bring a taken slot back", "[claim][wait]") {
  Pair pair;
  pair.watch_slots();
  pair.storm.kill(*pair.storm.all_[6]);
  const WatchBatch late = pair.since(pair.storm.keys_.records(), *pair.watched_since);  // the slot was freed
  pair.first_claims();
  REQUIRE(pair.rooms[1]->take_over() == WaitingRoom::TakeOver::kDone);
  pair.rooms[1]->apply_records(late);
  CHECK_FALSE(pair.rooms[1]->my_turn());
}

TEST_CASE("a predecessor that died has handed nothing over", "[claim][wait]") {
  Pair pair;
  SECTION("at once") {
    pair.storm.kill(*pair.first);
  }
  SECTION("after somebody else's handover") {
    Txn put;
    put.success.emplace_back(
        PutRequest{pair.storm.keys_.handover(), to_json(SlotPlan{.base = 1, .limit = 30, .runs = {{1, 30}}}), 0});
    REQUIRE(pair.storm.store_.txn(put));
    pair.storm.kill(*pair.first);
  }
  SECTION("with a hold in the pool, which a handover does not tell") {
    Txn put;
    put.success.emplace_back(PutRequest{pair.storm.keys_.hold(9), "somebody", 0});
    REQUIRE(pair.storm.store_.txn(put));
    pair.storm.kill(*pair.storm.all_[6]);
    pair.first_claims();
  }
  pair.rooms[1]->apply_queue(pair.since(pair.storm.keys_.queue(), pair.rooms[1]->revision()));
  REQUIRE(pair.rooms[1]->is_next());
  CHECK(pair.rooms[1]->take_over() == WaitingRoom::TakeOver::kNothing);
  CHECK_FALSE(pair.rooms[1]->my_turn());
}

}  // namespace idetcd
