// Claimants of one pool against etcd's semantics in memory, a transaction at a time:
// any interleaving, lost answers and dead claimants, without etcd, threads or time.
#pragma once

#include "machine/claim_plan.h"
#include "support/fake_store.h"

#include <catch2/catch.hpp>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace idetcd::testing {
using namespace internal;

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
  explicit Storm(SlotId limit) : names_(*PatternTemplate::parse("worker{{.ID}}.tf.local.", limit)), keys_("", names_) {}

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
    const ClaimOutcome outcome = one.plan.on_reply(*reply);
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

}  // namespace idetcd::testing
