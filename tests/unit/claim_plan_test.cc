// The claim's machine against etcd's semantics in memory: any interleaving of whole
// transactions, lost answers and dead claimants, without etcd, threads or time.
#include "machine/claim_plan.h"
#include "call_outcome.h"
#include "machine/waiting_room.h"
#include "support/fake_store.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <set>

namespace idetcd {
namespace {

using testing::FakeStore;

PatternTemplate pattern(SlotId limit) {
  return *PatternTemplate::parse("worker{{.ID}}.tf.local.", limit);
}

struct Claimant {
  Claimant(const PoolKeys& keys, const PatternTemplate& names, std::string node_id, LeaseId session, LeaseId grace,
           std::optional<SlotId> home)
      : node(std::move(node_id)),
        lease(session),
        plan(keys, names,
             {.node_id = node, .address = "10.0.0.1", .record = "{}", .session = lease, .grace = grace, .home = home}) {
  }

  std::string node;
  LeaseId lease;
  ClaimPlan plan;
  int requests = 1;  // the grant
  std::optional<Owned> owned;
  bool full = false;
  bool dead = false;
  bool finished() const { return owned || full || dead; }
};

// A pool and those who want in.
class Storm {
 public:
  explicit Storm(SlotId limit) : names_(pattern(limit)), keys_("", names_) {}

  Claimant& add(int number, LeaseId grace = 0) { return add("n" + std::to_string(number), grace, std::nullopt); }

  Claimant& add(std::string node, LeaseId grace, std::optional<SlotId> home) {
    all_.push_back(std::make_unique<Claimant>(keys_, names_, std::move(node), ++last_lease_, grace, home));
    REQUIRE(store_.add_lease(all_.back()->lease));
    return *all_.back();
  }

  // One transaction of one claimant; `answer_lost`: it happens, but is not heard of.
  void step(Claimant& one, bool answer_lost = false) {
    ++one.requests;
    auto reply = store_.txn(one.plan.transaction());
    REQUIRE(reply.has_value());
    if (answer_lost) return one.plan.outcome_unknown();
    const ClaimOutcome outcome = one.plan.take(*reply);
    if (const auto* owned = std::get_if<Owned>(&outcome)) {
      one.owned = *owned;
    } else {
      const auto* ranked = std::get_if<Ranked>(&outcome);
      REQUIRE(ranked);
      if (ranked->rank > ranked->free) {
        one.full = true;
        store_.remove_lease(one.lease);
      }
    }
  }

  void kill(Claimant& one) {
    one.dead = true;
    store_.remove_lease(one.lease);
  }

  template <class Random>
  void run(Random& random, int lost_percent = 0, int kill_percent = 0) {
    std::vector<Claimant*> running;
    for (auto& one : all_) running.push_back(one.get());
    while (true) {
      std::erase_if(running, [](Claimant* one) { return one->finished(); });
      if (running.empty()) return;
      Claimant& one = *running[random() % running.size()];
      if (static_cast<int>(random() % 100) < kill_percent) {
        if (random() % 2) step(one, true);  // dies after its transaction, or before
        kill(one);
      } else {
        step(one, static_cast<int>(random() % 100) < lost_percent);
      }
      check_nobody_shares();
    }
  }

  void check_nobody_shares() const {
    std::map<SlotId, const Claimant*> owners;
    for (const auto& one : all_) {
      if (!one->owned || one->dead) continue;
      REQUIRE(owners.emplace(one->owned->slot, one.get()).second);
    }
  }

  std::set<SlotId> owned_slots() const {
    std::set<SlotId> slots;
    for (const auto& one : all_) {
      if (one->owned && !one->dead) slots.insert(one->owned->slot);
    }
    return slots;
  }

  std::size_t keys_under(const KeyRange& range) const { return store_.range({.keys = range})->kvs.size(); }

  PatternTemplate names_;
  PoolKeys keys_;
  FakeStore store_;
  std::vector<std::unique_ptr<Claimant>> all_;
  LeaseId last_lease_ = 1000;
};

std::set<SlotId> dense(SlotId count) {
  std::set<SlotId> slots;
  for (SlotId slot = 1; slot <= count; ++slot) slots.insert(slot);
  return slots;
}

}  // namespace

TEST_CASE("an uncontended claim is one transaction", "[claim]") {
  Storm storm(10);
  Claimant& one = storm.add(1);
  storm.step(one);
  REQUIRE(one.owned);
  CHECK(one.owned->slot == 1);
  CHECK(one.owned->token == storm.store_.revision());
  CHECK(storm.keys_under(KeyRange::one("worker1.tf.local.")) == 1);
  CHECK(storm.keys_under(storm.keys_.tickets()) == 0);
}

TEST_CASE("any number that start together take 1..N with at most three requests each", "[claim]") {
  std::minstd_rand random(GENERATE(1, 2, 3, 4));
  const SlotId count = GENERATE(8, 9, 40, 300);
  const SlotId limit = GENERATE(1, 4) * count;
  Storm storm(limit);
  for (SlotId i = 0; i < count; ++i) storm.add(static_cast<int>(i));
  storm.run(random);
  CHECK(storm.owned_slots() == dense(count));
  CHECK(storm.keys_under(storm.keys_.tickets()) == 0);
  int most = 0;
  for (const auto& one : storm.all_) most = std::max(most, one->requests);
  CHECK(most <= 3);
}

TEST_CASE("of limit + 1 that start together exactly one finds the pool full", "[claim]") {
  std::minstd_rand random(GENERATE(range(1, 30)));
  Storm storm(40);
  for (int i = 0; i < 41; ++i) storm.add(i);
  storm.run(random);
  CHECK(storm.owned_slots() == dense(40));
  CHECK(std::count_if(storm.all_.begin(), storm.all_.end(), [](const auto& one) { return one->full; }) == 1);
}

TEST_CASE("newcomers take the lowest gaps", "[claim]") {
  std::minstd_rand random(GENERATE(1, 2, 3));
  Storm storm(1200);
  std::set<SlotId> held;
  while (held.size() < 600) held.insert(static_cast<SlotId>(random() % 1200 + 1));
  Txn occupy;
  for (const SlotId slot : held) {
    occupy.success.clear();
    occupy.success.emplace_back(PutRequest{storm.keys_.record(storm.names_.render(slot)), "{}", 0});
    REQUIRE(storm.store_.txn(occupy).has_value());
  }
  for (int i = 0; i < 400; ++i) storm.add(i);
  storm.run(random);

  std::set<SlotId> gaps;
  for (SlotId slot = 1; gaps.size() < 400; ++slot) {
    if (!held.contains(slot)) gaps.insert(slot);
  }
  CHECK(storm.owned_slots() == gaps);
  int total = 0;
  for (const auto& one : storm.all_) total += one->requests;
  CHECK(total <= 400 * 3);
}

TEST_CASE("a lost answer is recognised: the same claim sent again is not a second one", "[claim]") {
  Storm storm(10);
  Claimant& one = storm.add(1);
  storm.step(one, true);
  const Revision claimed = storm.store_.revision();
  storm.step(one);
  REQUIRE(one.owned);
  CHECK(one.owned->slot == 1);
  CHECK(one.owned->token == claimed);
  CHECK(storm.store_.revision() == claimed);
}

TEST_CASE("lost answers and dead claimants leave no double owner and no litter", "[claim]") {
  std::minstd_rand random(GENERATE(range(1, 12)));
  Storm storm(200);
  for (int i = 0; i < 150; ++i) storm.add(i);
  storm.run(random, 15, 10);
  const auto owned = storm.owned_slots().size();
  CHECK(storm.keys_under(storm.keys_.tickets()) == 0);
  CHECK(storm.keys_under(storm.keys_.records()) == owned);

  // Whoever comes later fills the holes.
  for (int i = 1000; i < 1000 + 40; ++i) storm.add(i);
  storm.run(random);
  CHECK(storm.owned_slots() == dense(static_cast<SlotId>(owned + 40)));
}

TEST_CASE("a second process with our node id is told who we are", "[claim]") {
  Storm storm(10);
  Claimant& one = storm.add(1);
  storm.step(one);
  REQUIRE(storm.store_.add_lease(77));
  ClaimPlan twin(storm.keys_, storm.names_,
                 {.node_id = one.node, .address = "10.0.0.2", .record = "{}", .session = 77});
  const ClaimOutcome outcome = twin.take(*storm.store_.txn(twin.transaction()));
  const auto* taken = std::get_if<Taken>(&outcome);
  REQUIRE(taken);
  CHECK(taken->lease == one.lease);
  CHECK(taken->address == "10.0.0.1");
  CHECK(taken->slot == 1);
}

TEST_CASE("a held slot is for its node alone, and its node gets it back first", "[claim][sticky]") {
  Storm storm(10);
  REQUIRE(storm.store_.add_lease(500));
  Claimant& one = storm.add(1, 500);
  storm.step(one);
  REQUIRE(one.owned->slot == 1);
  storm.kill(one);

  Claimant& other = storm.add(2);
  storm.step(other);
  CHECK(other.owned->slot == 2);

  Claimant& again = storm.add("n1", 500, SlotId{1});
  storm.step(again);
  REQUIRE(again.owned);
  CHECK(again.owned->slot == 1);
  CHECK(again.owned->token > one.owned->token);

  // Once the hold has ended, anybody may have it.
  storm.kill(again);
  storm.store_.remove_lease(500);
  Claimant& third = storm.add(3);
  storm.step(third);
  CHECK(third.owned->slot == 1);
}

TEST_CASE("a node that can not have its slot back keeps no hold on it", "[claim][sticky]") {
  Storm storm(10);
  REQUIRE(storm.store_.add_lease(500));
  Claimant& one = storm.add(1, 500);
  storm.step(one);
  storm.kill(one);
  const auto record = storm.keys_.record(storm.names_.render(1));
  Txn foreign;
  foreign.success.emplace_back(PutRequest{record, "{}", 0});
  REQUIRE(storm.store_.txn(foreign));
  Claimant& again = storm.add("n1", 500, SlotId{1});
  storm.step(again);
  REQUIRE(again.owned);
  CHECK(again.owned->slot == 2);

  Txn away;
  away.success.emplace_back(DeleteRequest{KeyRange::one(record)});
  REQUIRE(storm.store_.txn(away));
  Claimant& other = storm.add(2);
  storm.step(other);
  REQUIRE(other.owned);
  CHECK(other.owned->slot == 1);
}

TEST_CASE("who is denied is told the keys", "[claim]") {
  const PatternTemplate names = *PatternTemplate::parse("worker{{.ID}}.tf.local.", 20);
  const PoolKeys keys("/p/", names);
  const Error denied = explained({ErrorCode::kDenied, "etcd: permission denied"}, keys);
  CHECK(denied.message.find("readwrite '/p/worker1.tf.local.' '/p/worker9.tf.local/'") != std::string::npos);
  CHECK(denied.message.find("--prefix ROLE readwrite '/idetcd//p/worker{{.ID}}.tf.local./'") != std::string::npos);
  CHECK(explained({ErrorCode::kDenied, "wrong password"}, keys).message == "wrong password");
}

TEST_CASE("the chain gets shorter for an etcd that allows fewer operations", "[claim]") {
  Storm storm(10);
  Claimant& one = storm.add(1);
  int halvings = 0;
  while (one.plan.shorten_chain()) ++halvings;
  CHECK(halvings == 3);
  storm.step(one);
  CHECK(one.owned->slot == 1);
  Claimant& two = storm.add(2);
  while (two.plan.shorten_chain()) {
  }
  storm.step(two);
  storm.step(two);
  CHECK(two.owned->slot == 2);
}

TEST_CASE("tokens of a slot's owners strictly increase", "[claim]") {
  Storm storm(1);
  Revision last = 0;
  for (int i = 0; i < 20; ++i) {
    Claimant& one = storm.add(i);
    storm.step(one);
    REQUIRE(one.owned);
    CHECK(one.owned->token > last);
    last = one.owned->token;
    storm.kill(one);
  }
}

// --- the waiting room ---------------------------------------------------------------

namespace {

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
  for (int i = 0; i < 20; ++i) storm.step(storm.add(i));
  for (int i = 0; i < 20; ++i) {
    while (!storm.all_[static_cast<std::size_t>(i)]->owned) storm.step(*storm.all_[static_cast<std::size_t>(i)]);
  }
  std::vector<std::unique_ptr<Waiter>> waiters;
  for (int i = 100; i < 110; ++i) {
    Claimant& one = storm.add(i);
    const ClaimOutcome outcome = one.plan.take(*storm.store_.txn(one.plan.transaction()));
    REQUIRE(std::get<Ranked>(outcome).free == 0);
    CHECK(std::get<Ranked>(outcome).rank == waiters.size() + 1);
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
      waiter.one_.plan.aim(waiter.room.occupancy(), waiter.room.rank());
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
    (void)one.plan.take(*storm.store_.txn(one.plan.transaction()));
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
  for (int i = 1; i <= 3; ++i) storm.step(storm.add(i));
  Txn old;  // of a node that still has limit 2
  old.success.emplace_back(PutRequest{storm.keys_.ticket("old"), "2", 0});
  REQUIRE(storm.store_.txn(old).has_value());
  Claimant& one = storm.add(9);
  (void)one.plan.take(*storm.store_.txn(one.plan.transaction()));
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
  (void)one.plan.take(*storm.store_.txn(one.plan.transaction()));
  Waiter waiter(storm, one);
  CHECK_FALSE(waiter.room.my_turn());
  Txn away;
  away.success.emplace_back(DeleteRequest{KeyRange::one("worker1.tf.local.")});
  REQUIRE(storm.store_.txn(away).has_value());
  waiter.see_records();
  CHECK(waiter.room.my_turn());
}

}  // namespace idetcd
