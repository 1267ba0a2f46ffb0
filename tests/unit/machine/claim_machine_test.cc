// The claim's machine, alone and among thousands.
#include "model/pool_keys.h"
#include "unit/claim/claim_contest.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <set>

namespace idetcd {
using namespace internal;
namespace {

using testing::Claimant;
using testing::FakeStore;
using testing::Storm;

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
  CHECK(storm.owned_slots() == testing::first_slots(count));
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
  CHECK(storm.owned_slots() == testing::first_slots(40));
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
  std::set<SlotId> owned = storm.owned_slots();
  CHECK(storm.keys_under(storm.keys_.tickets()) == 0);
  CHECK(storm.keys_under(storm.keys_.records()) == owned.size());

  // Whoever comes later fills the holes, from the lowest on.
  storm.quiet();
  CHECK(storm.keys_under(storm.keys_.plans()) == 0);
  for (int i = 1000; i < 1000 + 40; ++i) storm.add(i);
  storm.run(random);
  for (SlotId slot = 1, filled = 0; filled < 40; ++slot) {
    if (owned.insert(slot).second) ++filled;
  }
  CHECK(storm.owned_slots() == owned);
}

TEST_CASE("a second process with our node id is told who we are", "[claim]") {
  Storm storm(10);
  Claimant& one = storm.add(1);
  storm.step(one);
  REQUIRE(storm.store_.add_lease(77));
  ClaimMachine twin(storm.keys_, storm.names_,
                    {.node_id = one.node, .address = "10.0.0.2", .record = "{}", .session = 77});
  const ClaimOutcome outcome = twin.on_reply(*storm.store_.txn(twin.transaction()));
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
  storm.settle(one);
  REQUIRE(one.owned->slot == 1);
  storm.kill(one);

  Claimant& other = storm.add(2);
  storm.settle(other);
  CHECK(other.owned->slot == 2);

  Claimant& again = storm.add("n1", 500, SlotId{1});
  storm.settle(again);
  REQUIRE(again.owned);
  CHECK(again.owned->slot == 1);
  CHECK(again.owned->token > one.owned->token);

  // Once the hold has ended, anybody may have it.
  storm.kill(again);
  storm.store_.remove_lease(500);
  Claimant& third = storm.add(3);
  storm.settle(third);
  CHECK(third.owned->slot == 1);
}

TEST_CASE("a node that can not have its slot back keeps no hold on it", "[claim][sticky]") {
  Storm storm(10);
  REQUIRE(storm.store_.add_lease(500));
  Claimant& one = storm.add(1, 500);
  storm.settle(one);
  storm.kill(one);
  const auto record = storm.keys_.record(storm.names_.render(1));
  Txn foreign;
  foreign.success.emplace_back(PutRequest{record, "{}", 0});
  REQUIRE(storm.store_.txn(foreign));
  Claimant& again = storm.add("n1", 500, SlotId{1});
  storm.settle(again);
  REQUIRE(again.owned);
  CHECK(again.owned->slot == 2);

  Txn away;
  away.success.emplace_back(DeleteRequest{KeyRange::one(record)});
  REQUIRE(storm.store_.txn(away));
  Claimant& other = storm.add(2);
  storm.settle(other);
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
  storm.settle(storm.add(1));
  Claimant& two = storm.add(2);
  CHECK(two.claim.shorten_chain());
  CHECK_FALSE(two.claim.shorten_chain());
  storm.settle(two);
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

}  // namespace idetcd
