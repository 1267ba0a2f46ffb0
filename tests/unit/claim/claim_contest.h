// Claimants of one pool against etcd's semantics in memory, a transaction at a time:
// any interleaving, lost answers and dead claimants, without etcd, threads or time.
#pragma once

#include "machine/claim_machine.h"
#include "machine/waiting_room.h"
#include "support/fake_store.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace idetcd::testing {
using namespace internal;

inline std::set<SlotId> first_slots(SlotId count) {
  std::set<SlotId> slots;
  for (SlotId slot = 1; slot <= count; ++slot) slots.insert(slot);
  return slots;
}

struct Claimant {
  Claimant(const PoolKeys& pool_keys, const PatternTemplate& pool_names, std::string node_id, LeaseId session,
           LeaseId grace, std::optional<SlotId> home)
      : keys(pool_keys),
        names(pool_names),
        node(std::move(node_id)),
        lease(session),
        claim(
            keys, names,
            {.node_id = node, .address = "10.0.0.1", .record = "{}", .session = lease, .grace = grace, .home = home}) {}

  const PoolKeys& keys;
  const PatternTemplate& names;
  std::string node;
  LeaseId lease;
  ClaimMachine claim;
  int requests = 1;  // the grant
  std::optional<Owned> owned;
  std::optional<Revision> awaits;  // a plan, and has seen the hints up to there
  bool in_queue = false;
  bool full = false;
  bool dead = false;
  bool finished() const { return owned || full || dead; }
};

// A pool and those who want in.
class Storm {
 public:
  explicit Storm(SlotId limit) : names_(*PatternTemplate::parse("worker{{.ID}}.tf.local.", limit)), keys_("", names_) {}

  Claimant& add(int number, LeaseId grace = 0) { return add("n" + std::to_string(number), grace, std::nullopt); }

  Claimant& add(std::string node, LeaseId grace, std::optional<SlotId> home) {
    all_.push_back(std::make_unique<Claimant>(keys_, names_, std::move(node), ++last_lease_, grace, home));
    REQUIRE(store_.add_lease(all_.back()->lease));
    return *all_.back();
  }

  // One transaction of one claimant; `answer_lost`: it happens, but is not heard of. One
  // that awaits a plan sees what has happened since, and sends none unless that helps.
  void step(Claimant& one, bool answer_lost = false) {
    if (one.awaits && !see_hints(one)) return;
    if (one.in_queue) return look_at_slots(one);
    ++one.requests;
    auto reply = store_.txn(one.claim.transaction());
    REQUIRE(reply.has_value());
    if (answer_lost) return;
    const ClaimOutcome outcome = one.claim.on_reply(*reply);
    if (const auto* owned = std::get_if<Owned>(&outcome)) {
      one.owned = *owned;
    } else if (const auto* await = std::get_if<AwaitPlan>(&outcome)) {
      one.awaits = await->after;
    } else if (std::get_if<InQueue>(&outcome)) {
      one.in_queue = true;
    } else {
      REQUIRE(std::get_if<Again>(&outcome));
    }
  }

  // As one that does not wait for a full pool.
  void look_at_slots(Claimant& one) {
    ++one.requests;
    WaitingRoom room(one.keys, one.names, one.node);
    REQUIRE(room.load(*store_.txn(room.listing())));
    if (room.my_turn()) {
      one.claim.retarget(room.occupancy(), room.pairing());
      one.in_queue = false;
    } else if (room.occupancy().free() == 0) {
      one.full = true;
      store_.remove_lease(one.lease);
    }
  }

  // Steps one claimant, alone, until it holds a ticket; it goes for no slot yet.
  InQueue line_up(Claimant& one) {
    for (;;) {
      ClaimOutcome outcome = one.claim.on_reply(*store_.txn(one.claim.transaction()));
      if (auto* queue = std::get_if<InQueue>(&outcome)) return std::move(*queue);
      REQUIRE(std::get_if<Again>(&outcome));
    }
  }

  // What the claimant's watch shows it. False: it goes on waiting.
  bool see_hints(Claimant& one) {
    WatchBatch batch;
    batch.events = store_.events(keys_.plans(), *one.awaits + 1);
    one.awaits = store_.revision();
    if (!one.claim.on_hints(batch)) return false;
    one.awaits.reset();
    return true;
  }

  void overdue(Claimant& one) {
    one.claim.planner_overdue();
    one.awaits.reset();
  }

  // Steps one claimant until it owns a slot or holds a ticket in vain.
  Claimant& settle(Claimant& one) {
    while (!one.finished()) step(one);
    return one;
  }

  // Time in which nobody draws a turn: whoever published a plan that still stands ends it.
  void quiet() {
    for (const auto& one : all_) {
      if (!one->owned || !one->owned->published || one->dead) continue;
      Txn end;
      end.success.emplace_back(std::make_unique<Txn>(end_plan(keys_, one->owned->published->plan)));
      REQUIRE(store_.txn(end));
    }
  }

  // Of a node with another limit; the keys and names must live as long as this.
  Claimant& add(std::string node, const PoolKeys& keys, const PatternTemplate& names) {
    all_.push_back(std::make_unique<Claimant>(keys, names, std::move(node), ++last_lease_, 0, std::nullopt));
    REQUIRE(store_.add_lease(all_.back()->lease));
    return *all_.back();
  }

  void hang(Claimant& one) { one.dead = true; }  // its lease lives on

  void kill(Claimant& one) {
    one.dead = true;
    store_.remove_lease(one.lease);
  }

  // Steps them at random until none is left; `beside` is called before each step.
  template <class Random>
  void run(Random& random, int lost_percent = 0, int kill_percent = 0, const std::function<void()>& beside = {}) {
    std::vector<Claimant*> running;
    for (auto& one : all_) running.push_back(one.get());
    while (true) {
      std::erase_if(running, [](Claimant* one) { return one->finished(); });
      if (running.empty()) break;
      if (beside) beside();
      Claimant& one = *running[random() % running.size()];
      if (one.awaits && random() % 16 == 0 && planner_is_dead() && !see_hints(one)) overdue(one);
      if (static_cast<int>(random() % 100) < kill_percent) {
        if (random() % 2) step(one, true);  // dies after its transaction, or before
        kill(one);
      } else {
        step(one, static_cast<int>(random() % 100) < lost_percent);
      }
      if (all_.size() < 500 || random() % 64 == 0) check_nobody_shares();
    }
    check_nobody_shares();
  }

  // A planner may be dead, and its lease may have an hour to go.
  bool planner_is_dead() const {
    const auto planner = store_.range({.keys = KeyRange::one(keys_.planner())})->kvs;
    return !planner.empty() && std::any_of(all_.begin(), all_.end(), [&](const auto& one) {
      return one->dead && one->lease == planner.front().lease;
    });
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

}  // namespace idetcd::testing
