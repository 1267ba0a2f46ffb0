// Owners on a cluster of three etcds whose members are killed, paused, compacted and
// all taken away, while a watcher looks all the time whether a slot has two owners.
#include <idetcd/idetcd.h>

#include "support/etcd_process.h"
#include "support/eventually.h"

#include <catch2/catch.hpp>

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <vector>

namespace idetcd {
namespace {

using namespace std::chrono_literals;
using testing::EtcdCluster;
using testing::eventually;

constexpr auto kPatience = 60s;  // for a cluster on a busy machine
constexpr auto kTtl = 10s;
constexpr SlotId kLimit = 8;
constexpr int kNodes = 11;  // three wait for their turn

// One node: what it owns, as its callbacks tell, and how often it lost.
class Node {
 public:
  Node(int number, std::shared_ptr<Etcd> etcd, const PatternTemplate& pattern, const std::string& path)
      : number_(number) {
    RegistrationOptions options;
    options.claim.path = path;
    options.claim.ttl = kTtl;
    options.claim.on_full = OnFull::kWait;
    options.on_claimed = [this](const Ownership& ownership) { claimed(ownership); };
    options.on_lost = [this](std::string_view) {
      slot_ = 0;
      ++losses_;
    };
    Record record;
    record.ipv4.push_back({127, 0, 0, 1});
    registration_ =
        std::make_unique<Registration>(*Registration::start(std::move(etcd), pattern, std::move(options), record));
  }

  // The slot that it acts as the owner of at this moment; 0: none.
  SlotId owned() const {
    const SlotId slot = slot_;
    return slot != 0 && registration_->held() && slot_ == slot ? slot : 0;
  }
  int losses() const { return losses_; }
  int number() const { return number_; }
  std::multimap<SlotId, Revision> tokens() const {
    const std::lock_guard lock(mutex_);
    return tokens_;
  }

 private:
  void claimed(const Ownership& ownership) {
    const std::lock_guard lock(mutex_);
    tokens_.emplace(ownership.slot, ownership.token);
    slot_ = ownership.slot;
  }

  const int number_;
  std::atomic<SlotId> slot_{0};
  std::atomic<int> losses_{0};
  mutable std::mutex mutex_;
  std::multimap<SlotId, Revision> tokens_;      // guarded by mutex_
  std::unique_ptr<Registration> registration_;  // last: its callbacks use the others
};

using Nodes = std::vector<std::unique_ptr<Node>>;

// Looks at all nodes again and again, as fast as it can without taking the processor
// from them.
class OneOwnerWatcher {
 public:
  explicit OneOwnerWatcher(const Nodes& nodes) : nodes_(nodes) {
    thread_ = std::jthread([this](const std::stop_token& stop) {
      for (; !stop.stop_requested(); std::this_thread::sleep_for(1ms)) look();
    });
  }
  std::optional<SlotId> two_owners() const {
    const SlotId slot = shared_;
    return slot == 0 ? std::nullopt : std::optional(slot);
  }
  long looks() const { return looks_; }

 private:
  void look() {
    std::array<const Node*, kLimit + 1> owners{};
    for (const auto& node : nodes_) {
      const SlotId slot = node->owned();
      if (slot == 0) continue;
      // The one before may have let go since we looked: it counts if it owns it still.
      if (owners[slot] != nullptr && owners[slot]->owned() == slot) shared_ = slot;
      owners[slot] = node.get();
    }
    ++looks_;
  }

  const Nodes& nodes_;
  std::atomic<SlotId> shared_{0};
  std::atomic<long> looks_{0};
  std::jthread thread_;
};

struct World {
  World() {
    for (int i = 0; i < 3; ++i) connections.push_back(testing::connect_for_test(cluster.endpoints()));
    for (int i = 0; i < kNodes; ++i) {
      nodes.push_back(std::make_unique<Node>(i, connections[static_cast<std::size_t>(i) % 3], pattern, path));
    }
  }

  bool all_owned() const {
    std::map<SlotId, int> owners;
    for (const auto& node : nodes) {
      if (const SlotId slot = node->owned()) ++owners[slot];
    }
    return owners.size() == kLimit;
  }
  int losses() const {
    int all = 0;
    for (const auto& node : nodes) all += node->losses();
    return all;
  }

  EtcdCluster cluster;
  const PatternTemplate pattern = *PatternTemplate::parse("worker{{.ID}}.tf.local.", kLimit);
  const std::string path = testing::random_prefix();
  std::vector<std::shared_ptr<Etcd>> connections;
  Nodes nodes;
};

// A greater token for each later owner, and none given twice.
void check_tokens(const Nodes& nodes) {
  std::map<SlotId, std::map<Revision, int>> owners;
  for (const auto& node : nodes) {
    for (const auto& [slot, token] : node->tokens()) {
      const auto [found, fresh] = owners[slot].emplace(token, node->number());
      INFO("slot " << slot << ", token " << token);
      CHECK((fresh || found->second == node->number()));  // told again: doubted, and proved
    }
  }
}

// So that there is something to compact. A write that meets a change of leader fails.
Revision write_something(Etcd& etcd) {
  Txn write;
  write.success.emplace_back(PutRequest{"/noise", "", 0});
  Revision revision = 0;
  REQUIRE(eventually(kPatience, [&] {
    const auto reply = etcd.txn(write, {.timeout = 5s});
    if (reply) revision = reply->header.revision;
    return reply.has_value();
  }));
  return revision;
}

// A linearizable read shows that it has caught up, and that there is a leader.
void wait_until_it_serves(const testing::EtcdProcess& member) {
  const auto etcd = testing::connect_for_test({member.endpoint()});
  REQUIRE(eventually(kPatience, [&] { return etcd->range({.keys = KeyRange::one("/noise")}, {}).has_value(); }));
}

void compact(const testing::EtcdProcess& member, Revision revision) {
  REQUIRE(eventually(kPatience, [&] {
    try {
      member.compact(revision);
      return true;
    } catch (const std::runtime_error& error) {  // no leader at the moment, or done by a try that seemed to fail
      return std::string_view(error.what()).find("has been compacted") != std::string_view::npos;
    }
  }));
}

}  // namespace

TEST_CASE("members that are killed, paused and compacted cost nobody a slot", "[fault]") {
  World world;
  REQUIRE(eventually(kPatience, [&] { return world.all_owned(); }));
  const OneOwnerWatcher watcher(world.nodes);
  std::minstd_rand random(4);
  for (std::size_t round = 0; round < 6; ++round) {  // a fault lasts for less than a lease
    auto& member = world.cluster.member(round % 3);
    if (round < 3) {
      member.kill();
      std::this_thread::sleep_for(std::chrono::milliseconds(500 + random() % 1000));
      member.start();
    } else {
      member.pause();
      std::this_thread::sleep_for(std::chrono::milliseconds(1000 + random() % 1500));
      member.resume();
    }
    compact(member, write_something(*world.connections[0]));
    member.defragment();
    wait_until_it_serves(member);
  }
  CHECK(world.all_owned());
  CHECK(world.losses() == 0);
  CHECK(watcher.looks() > 100);
  CHECK_FALSE(watcher.two_owners());
}

TEST_CASE("with all etcds away beyond the lease owners let go, and never are there two", "[fault]") {
  World world;
  REQUIRE(eventually(kPatience, [&] { return world.all_owned(); }));
  const OneOwnerWatcher watcher(world.nodes);
  for (const bool paused : {true, false}) {
    for (std::size_t i = 0; i < 3; ++i) paused ? world.cluster.member(i).pause() : world.cluster.member(i).kill();
    REQUIRE(eventually(kPatience, [&] {
      return std::none_of(world.nodes.begin(), world.nodes.end(), [](const auto& node) { return node->owned() != 0; });
    }));
    for (std::size_t i = 0; i < 3; ++i) world.cluster.member(i).resume();
    world.cluster.start();
    REQUIRE(eventually(kPatience, [&] { return world.all_owned(); }));
  }
  CHECK(world.losses() >= static_cast<int>(kLimit));
  CHECK_FALSE(watcher.two_owners());
  check_tokens(world.nodes);
}

}  // namespace idetcd
