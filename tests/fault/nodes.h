// Nodes that claim, and who watches that no slot has two owners.
#pragma once

#include <idetcd/idetcd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace idetcd::testing {

constexpr SlotId kMaxSlots = 64;

// One node: what it owns, as its callbacks tell, and how often it lost.
class Node {
 public:
  Node(int number, std::shared_ptr<Etcd> etcd, const PatternTemplate& pattern, const std::string& path,
       std::chrono::seconds ttl)
      : number_(number) {
    RegistrationOptions options;
    options.claim.path = path;
    options.claim.ttl = ttl;
    options.claim.on_full = OnFull::kWait;
    options.on_claimed = [this](const Ownership& ownership) { claimed(ownership); };
    options.on_lost = [this](std::string_view reason) {
      slot_ = 0;
      ++losses_;
      if (reason.find("confirm") == std::string_view::npos) ++taken_;
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
  int taken() const { return taken_; }  // of these: etcd ended the lease
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
  std::atomic<int> taken_{0};
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
      for (; !stop.stop_requested(); std::this_thread::sleep_for(std::chrono::milliseconds(1))) look();
    });
  }
  std::optional<SlotId> two_owners() const {
    const SlotId slot = shared_;
    return slot == 0 ? std::nullopt : std::optional(slot);
  }
  // The longest time for which one slot had two owners.
  std::chrono::milliseconds longest() const { return std::chrono::milliseconds(longest_); }
  long looks() const { return looks_; }
  void forget() {
    shared_ = 0;
    longest_ = 0;
  }

 private:
  using Moment = std::chrono::steady_clock::time_point;

  void look() {
    std::array<const Node*, kMaxSlots + 1> owners{};
    std::array<bool, kMaxSlots + 1> twice{};
    for (const auto& node : nodes_) {
      const SlotId slot = node->owned();
      if (slot == 0) continue;
      // The one before may have let go since we looked: it counts if it owns it still.
      if (owners[slot] != nullptr && owners[slot]->owned() == slot) twice[slot] = true;
      owners[slot] = node.get();
    }
    for (SlotId slot = 1; slot <= kMaxSlots; ++slot) note(slot, twice[slot]);
    ++looks_;
  }

  void note(SlotId slot, bool twice) {
    const Moment now = std::chrono::steady_clock::now();
    if (!twice) {
      since_[slot].reset();
      return;
    }
    shared_ = slot;
    if (!since_[slot]) since_[slot] = now;
    const auto time = std::chrono::ceil<std::chrono::milliseconds>(now - *since_[slot]).count();
    longest_ = std::max<std::int64_t>(longest_, std::max<std::int64_t>(time, 1));
  }

  const Nodes& nodes_;
  std::array<std::optional<Moment>, kMaxSlots + 1> since_{};  // the thread's own
  std::atomic<SlotId> shared_{0};
  std::atomic<std::int64_t> longest_{0};
  std::atomic<long> looks_{0};
  std::jthread thread_;
};

}  // namespace idetcd::testing
