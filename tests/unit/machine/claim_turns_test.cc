// Turns, plans and planners: one lists, all read, and each of the three may vanish.
#include "unit/claim/claim_contest.h"
#include "unit/claim/previous_claim.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <memory>
#include <random>
#include <set>

namespace idetcd {
using namespace internal;
namespace {

using testing::Claimant;
using testing::first_slots;
using testing::PreviousClaim;
using testing::Storm;

// Records of somebody else's.
void occupy(Storm& storm, const std::set<SlotId>& slots) {
  for (const SlotId slot : slots) {
    Txn put;
    put.success.emplace_back(PutRequest{storm.keys_.record(storm.names_.render(slot)), "{}", 0});
    REQUIRE(storm.store_.txn(put).has_value());
  }
}

std::set<SlotId> lowest_gaps(const std::set<SlotId>& taken, std::size_t count) {
  std::set<SlotId> gaps;
  for (SlotId slot = 1; gaps.size() < count; ++slot) {
    if (!taken.contains(slot)) gaps.insert(slot);
  }
  return gaps;
}

void erase(Storm& storm, const KeyRange& keys) {
  Txn txn;
  txn.success.emplace_back(DeleteRequest{keys});
  REQUIRE(storm.store_.txn(txn).has_value());
}

int elections(const Storm& storm) {
  const auto events = storm.store_.events(KeyRange::one(storm.keys_.planner()), 1);
  return static_cast<int>(
      std::count_if(events.begin(), events.end(), [](const Event& event) { return event.type == Event::Type::kPut; }));
}

int max_requests(const Storm& storm) {
  int most = 0;
  for (const auto& one : storm.all_) most = std::max(most, one->requests);
  return most;
}

// As its keeper does once no turn was drawn for a while.
void end_quiet_plan(Storm& storm, const Published& published) {
  auto turn = std::optional(published.turn);
  while (turn)
    turn = plan_in_use(*storm.store_.txn(end_plan_after(storm.keys_, *turn, published.plan)), published.plan);
}

// A pool whose first slots are taken, so that nobody is lucky at once, and its planner.
struct Planned {
  explicit Planned(int others) : storm(100) {
    occupy(storm, first_slots(10));
    storm.step(planner());
    for (int i = 1; i <= others; ++i) {
      storm.step(storm.add(i));
      CHECK(storm.all_.back()->awaits);
    }
  }
  Claimant& planner() { return storm.all_.empty() ? storm.add(0) : *storm.all_.front(); }
  Claimant& other(std::size_t index) { return *storm.all_[index]; }

  Storm storm;
};

}  // namespace

TEST_CASE("in a storm one lists and all read", "[claim][plan]") {
  std::minstd_rand random(GENERATE(range(1, 10)));
  Storm storm(2000);
  const std::set<SlotId> taken = first_slots(500);
  occupy(storm, taken);
  for (int i = 0; i < 300; ++i) storm.add(i);
  // All have drawn a turn before anybody takes a slot.
  for (auto& one : storm.all_) storm.step(*one);
  storm.run(random);
  CHECK(storm.owned_slots() == lowest_gaps(taken, 300));
  CHECK(max_requests(storm) <= 3);
  CHECK(elections(storm) == 1);
  storm.quiet();
  CHECK(storm.keys_under(storm.keys_.plans()) == 0);
}

TEST_CASE("nobody waits for the plan of an empty pool", "[claim][plan]") {
  std::minstd_rand random(GENERATE(range(1, 10)));
  Storm storm(1000);
  const auto rounds = GENERATE(1, 2);  // the second one finds the turns begun anew
  for (int round = 0; round < rounds; ++round) {
    for (const auto& one : storm.all_) storm.kill(*one);
    const std::size_t before = storm.all_.size();
    for (int i = 0; i < 300; ++i) storm.add(static_cast<int>(before) + i);
    for (std::size_t i = before; i < storm.all_.size(); ++i) {
      storm.step(*storm.all_[i]);
      CHECK_FALSE(storm.all_[i]->awaits);
    }
    storm.run(random);
    CHECK(storm.owned_slots() == first_slots(300));
    CHECK(max_requests(storm) <= 3);
    for (const auto& one : storm.all_) {
      if (!one->dead && one->owned->published) end_quiet_plan(storm, *one->owned->published);
    }
    CHECK(storm.keys_under(storm.keys_.plans()) == 0);
  }
  CHECK(elections(storm) == rounds);
}

TEST_CASE("an opening whose planner has died serves until the lease ends", "[claim][plan]") {
  std::minstd_rand random(GENERATE(range(1, 10)));
  Storm storm(1000);
  for (int i = 0; i < 60; ++i) storm.add(i);
  for (const auto& one : storm.all_) storm.step(*one);
  storm.hang(*storm.all_[1]);  // the planner
  storm.run(random);
  std::set<SlotId> others = first_slots(60);
  others.erase(2);
  CHECK(storm.owned_slots() == others);
  CHECK(elections(storm) == 1);
  CHECK(max_requests(storm) <= 3);
}

TEST_CASE("an opening that proves wrong costs requests, not slots", "[claim][plan]") {
  std::minstd_rand random(GENERATE(range(1, 10)));
  Storm storm(1000);
  for (int i = 0; i < 2; ++i) storm.step(storm.add(i));  // slot 1, and the planner
  std::set<SlotId> taken;
  for (SlotId slot = 12; slot <= 60; ++slot) taken.insert(slot);
  for (int i = 2; i < 40; ++i) storm.step(storm.add(i));
  occupy(storm, taken);
  storm.run(random);
  CHECK(max_requests(storm) <= 20);
  for (const auto& one : storm.all_) CHECK(one->owned);
}

TEST_CASE("a pool with a single name taken is not empty", "[claim][plan]") {
  const auto slot = GENERATE(SlotId{2}, SlotId{10}, SlotId{500}, SlotId{1000});
  Storm storm(1000);
  occupy(storm, {slot});
  for (int i = 0; i < 3; ++i) storm.step(storm.add(i));
  CHECK(storm.all_[0]->owned);
  CHECK(storm.all_[2]->awaits);
}

TEST_CASE("a lone newcomer publishes nothing, and the next one sees what was freed since", "[claim][plan]") {
  Storm storm(100);
  for (int i = 0; i < 20; ++i) storm.settle(storm.add(i));
  CHECK(storm.owned_slots() == first_slots(20));
  CHECK(storm.store_.events(KeyRange::one(storm.keys_.plan()), 1).empty());
  storm.kill(*storm.all_[11]);
  CHECK(storm.settle(storm.add(20)).owned->slot == 12);
  CHECK(storm.settle(storm.add(21)).owned->slot == 21);
}

TEST_CASE("a plan ends when the pool is quiet, or with its planner", "[claim][plan]") {
  Planned pool(3);
  pool.storm.step(pool.planner());
  pool.storm.kill(pool.other(3));
  for (const std::size_t one : {1, 2}) pool.storm.step(pool.other(one));
  REQUIRE(pool.planner().owned->published);
  const Revision plan = pool.planner().owned->published->plan;
  const auto end = [&](std::int64_t turn) {
    return *pool.storm.store_.txn(end_plan_after(pool.storm.keys_, turn, plan));
  };
  const auto turn = plan_in_use(end(pool.planner().owned->published->turn), plan);
  REQUIRE(turn);  // three have been drawn since
  CHECK(pool.storm.keys_under(pool.storm.keys_.plans()) == 1);
  SECTION("quiet") {
    CHECK_FALSE(plan_in_use(end(*turn), plan));
  }
  SECTION("quiet, after somebody deleted the turns") {
    erase(pool.storm, KeyRange::one(pool.storm.keys_.turn()));
    CHECK(plan_in_use(end(*turn), plan) == 0);
    CHECK_FALSE(plan_in_use(end(0), plan));
  }
  SECTION("the planner's end") {
    pool.storm.kill(pool.planner());
    CHECK_FALSE(plan_in_use(end(*turn), plan));
  }
  CHECK(pool.storm.keys_under(pool.storm.keys_.plans()) == 0);
  CHECK(pool.storm.settle(pool.storm.add(9)).owned->slot == (pool.planner().dead ? 11 : 14));
}

TEST_CASE("a planner that dies is replaced", "[claim][plan]") {
  std::minstd_rand random(GENERATE(range(1, 10)));
  Planned pool(20);
  SECTION("with its lease: at once") {
    pool.storm.kill(pool.planner());
    CHECK(pool.storm.see_hints(pool.other(1)));
  }
  SECTION("and its lease lives on: after a bounded time") {
    pool.storm.hang(pool.planner());
    CHECK_FALSE(pool.storm.see_hints(pool.other(1)));
  }
  pool.storm.run(random);
  CHECK(pool.storm.owned_slots() == lowest_gaps(first_slots(10), 20));
}

TEST_CASE("a planner that was only slow publishes nothing any more, and takes a slot", "[claim][plan]") {
  std::minstd_rand random(1);
  Planned pool(3);
  pool.storm.overdue(pool.other(1));
  pool.storm.step(pool.other(1));
  CHECK(elections(pool.storm) == 2);
  pool.storm.step(pool.planner());
  REQUIRE(pool.planner().owned);
  CHECK_FALSE(pool.planner().owned->published);
  CHECK_FALSE(pool.storm.see_hints(pool.other(2)));
  pool.storm.run(random);
  CHECK(pool.storm.owned_slots() == std::set<SlotId>{11, 12, 13, 14});
}

TEST_CASE("an answer that made us the planner may be lost", "[claim][plan]") {
  Storm storm(100);
  occupy(storm, first_slots(10));
  Claimant& one = storm.add(1);
  storm.step(one, true);
  storm.settle(one);
  CHECK(one.owned->slot == 11);
  CHECK(one.requests <= 5);
}

TEST_CASE("a plan whose publication's answer was lost is still its planner's to end", "[claim][plan]") {
  Planned pool(3);
  occupy(pool.storm, {11, 12});  // where the planner would go
  pool.storm.step(pool.planner(), true);
  pool.storm.settle(pool.planner());
  CHECK(pool.planner().owned->published);
  for (const std::size_t one : {1, 2, 3}) pool.storm.settle(pool.other(one));
  pool.storm.quiet();
  CHECK(pool.storm.keys_under(pool.storm.keys_.plans()) == 0);
}

TEST_CASE("a plan that had no room for every gap is followed by another", "[claim][plan]") {
  std::minstd_rand random(GENERATE(1, 2));
  Storm storm(12000);
  std::set<SlotId> taken;
  for (SlotId slot = 1; slot <= 12000; slot += 2) taken.insert(slot);
  occupy(storm, taken);
  for (int i = 0; i < 2500; ++i) storm.add(i);
  for (auto& one : storm.all_) storm.step(*one);
  storm.run(random);
  CHECK(storm.owned_slots() == lowest_gaps(taken, 2500));
  for (const Event& event : storm.store_.events(KeyRange::one(storm.keys_.plan()), 1)) {
    CHECK(event.kv.value.size() <= kMaxPlanBytes);
  }
  CHECK(elections(storm) < 20);
}

TEST_CASE("whatever is in the way of a plan costs requests, not slots", "[claim][plan]") {
  Planned pool(4);
  pool.storm.step(pool.planner());
  occupy(pool.storm, {12, 13, 14, 15, 16, 17, 18, 19, 20});
  for (const std::size_t one : {1, 2, 3, 4}) pool.storm.settle(pool.other(one));
  CHECK(pool.storm.owned_slots() == std::set<SlotId>{11, 21, 22, 23, 24});
}

TEST_CASE("hints that vanish or lie at any moment cost requests, never a slot", "[claim][plan]") {
  std::minstd_rand random(GENERATE(range(1, 20)));
  Storm storm(400);
  for (int i = 0; i < 150; ++i) storm.add(i);
  const std::vector<std::string> hints{storm.keys_.turn(), storm.keys_.plan(), storm.keys_.planner()};
  const std::vector<std::string> lies{"", "{", R"({"base":1,"limit":400,"complete":true,"free":"A_M"})",
                                      R"({"base":999999,"limit":400,"complete":true,"free":"AB"})",
                                      R"({"base":1,"limit":400,"complete":true,"free":""})"};
  const auto meddle = [&] {
    const std::string& key = hints[random() % hints.size()];
    if (random() % 2 == 0) return erase(storm, KeyRange::one(key));
    Txn put;
    put.success.emplace_back(PutRequest{key, lies[random() % lies.size()], 0});
    REQUIRE(storm.store_.txn(put).has_value());
  };
  storm.run(random, 5, 2, [&] {
    if (random() % 8 == 0) meddle();
  });
  for (const auto& one : storm.all_) CHECK((one->owned || one->dead));
  CHECK(max_requests(storm) < 60);
}

TEST_CASE("nodes with different limits share a plan as far as it goes", "[claim][plan]") {
  std::minstd_rand random(GENERATE(range(1, 10)));
  Storm storm(200);
  const PatternTemplate few = *PatternTemplate::parse("worker{{.ID}}.tf.local.", 30);
  const PoolKeys few_keys("", few);
  for (int i = 0; i < 60; ++i) {
    storm.add(i);
    if (i % 6 == 0) storm.add("few" + std::to_string(i), few_keys, few);
  }
  storm.run(random);
  for (const auto& one : storm.all_) {
    if (one->node.starts_with("few")) {
      CHECK((one->full || one->owned->slot <= 30));
    } else {
      CHECK(one->owned);
    }
  }
  // A turn whose slot is beyond a node's limit leaves a gap, for whoever comes next.
  storm.quiet();
  const std::size_t owners = storm.owned_slots().size();
  for (int i = 100; i < 115; ++i) storm.settle(storm.add(i));
  CHECK(storm.owned_slots() == first_slots(static_cast<SlotId>(owners + 15)));
}

TEST_CASE("newcomers leave to those who wait what they wait for", "[claim][plan][wait]") {
  Storm storm(20);
  for (int i = 0; i < 20; ++i) storm.settle(storm.add(i));
  for (int i = 100; i < 102; ++i) CHECK(storm.line_up(storm.add(i)).tickets.size() == static_cast<std::size_t>(i) - 99);
  for (const SlotId slot : {11, 14, 17}) {
    for (const auto& one : storm.all_) {
      if (one->owned && one->owned->slot == slot) storm.kill(*one);
    }
  }
  Claimant& newcomer = storm.settle(storm.add(200));
  REQUIRE(newcomer.owned);
  CHECK(newcomer.owned->slot == 17);
  CHECK(storm.line_up(storm.add(201)).tickets.size() == 3);
}

TEST_CASE("a newcomer does not overtake those who wait, and lists nothing", "[claim][plan][wait]") {
  Storm storm(20);
  for (int i = 0; i < 20; ++i) storm.settle(storm.add(i));
  Claimant& waiter = storm.add(100);
  storm.line_up(waiter);
  const int before = elections(storm);
  storm.kill(*storm.all_.front());  // slot 1
  Claimant& newcomer = storm.add(200);
  CHECK(storm.line_up(newcomer).tickets.size() == 2);
  CHECK(elections(storm) == before);
  waiter.in_queue = true;
  CHECK(storm.settle(waiter).owned->slot == 1);
  storm.kill(waiter);
  newcomer.in_queue = true;
  CHECK(storm.settle(newcomer).owned->slot == 1);
  CHECK(storm.keys_under(storm.keys_.plans()) == 0);
}

TEST_CASE("nodes of the previous version share a pool with ours", "[claim][plan][upgrade]") {
  std::minstd_rand random(GENERATE(range(1, 20)));
  Storm storm(150);
  struct Previous {
    PreviousClaim claim;
    LeaseId lease = 0;
    int requests = 1;
    std::optional<Owned> owned{};
  };
  std::vector<std::unique_ptr<Previous>> previous;
  for (int i = 0; i < 60; ++i) {
    storm.add(i);
    const LeaseId lease = 5000 + i;
    REQUIRE(storm.store_.add_lease(lease));
    const ClaimIntent intent{
        .node_id = "p" + std::to_string(i), .address = "10.0.0.2", .record = "{}", .session = lease};
    previous.push_back(std::make_unique<Previous>(Previous{PreviousClaim(storm.keys_, storm.names_, intent), lease}));
  }
  const auto step_previous = [&] {
    Previous& one = *previous[random() % previous.size()];
    if (one.owned) return;
    ++one.requests;
    const auto outcome = one.claim.on_reply(*storm.store_.txn(one.claim.transaction()));
    if (const auto* owned = std::get_if<Owned>(&outcome)) one.owned = *owned;
  };
  storm.run(random, 0, 0, step_previous);
  while (std::any_of(previous.begin(), previous.end(), [](const auto& one) { return !one->owned; })) step_previous();

  std::set<SlotId> slots = storm.owned_slots();
  CHECK(slots.size() == 60);
  int requests = 0;
  for (const auto& one : previous) {
    CHECK(slots.insert(one->owned->slot).second);
    requests += one->requests;
  }
  for (const auto& one : storm.all_) requests += one->requests;
  CHECK(slots == first_slots(120));
  CHECK(requests <= 120 * 9 / 2);  // three each among themselves; here half of them follow no plan
}

}  // namespace idetcd
