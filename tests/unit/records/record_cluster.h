// A pool's records in an etcd in memory.
#pragma once

#include <idetcd/record_store.h>

#include "support/counting_etcd.h"
#include "support/eventually.h"
#include "support/fake_etcd.h"

#include <catch2/catch.hpp>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace idetcd {

using namespace std::chrono_literals;
using testing::eventually;
using testing::FakeEtcd;

// A pool in an etcd in memory, and what a store of it told.
struct Cluster {
  explicit Cluster(SlotId limit = 50) : pattern(*PatternTemplate::parse("worker{{.ID}}.tf.local.", limit)) {}

  void put(SlotId slot, const std::string& value) const {
    Txn txn;
    txn.success.emplace_back(PutRequest{std::string(pattern.render(slot)), value, 0});
    REQUIRE(etcd->txn(txn, {}).has_value());
  }
  void put(SlotId slot) const { put(slot, R"({"ipv4":"10.0.0.)" + std::to_string(slot % 250 + 1) + "\"}"); }
  // Slots 1 to `last`, which is a multiple of 100.
  void fill(SlotId last) const {
    for (SlotId slot = 1; slot <= last; slot += 100) {
      Txn txn;
      for (SlotId i = slot; i < slot + 100; ++i)
        txn.success.emplace_back(PutRequest{std::string(pattern.render(i)), "{}", 0});
      REQUIRE(etcd->txn(txn, {}).has_value());
    }
  }
  void erase(SlotId slot) const {
    Txn txn;
    txn.success.emplace_back(DeleteRequest{KeyRange::one(std::string(pattern.render(slot)))});
    REQUIRE(etcd->txn(txn, {}).has_value());
  }
  std::unique_ptr<RecordStore> open(std::shared_ptr<Etcd> through = nullptr) {
    auto store =
        RecordStore::open(through ? through : etcd,
                          {.pattern = pattern, .on_change = [this](const RecordSet&, std::span<const SlotId> slots) {
                             std::lock_guard lock(mutex);
                             changes.emplace_back(slots.begin(), slots.end());
                           }});
    REQUIRE(store.has_value());
    return std::move(*store);
  }
  std::size_t change_count() {
    std::lock_guard lock(mutex);
    return changes.size();
  }

  std::shared_ptr<FakeEtcd> etcd = std::make_shared<FakeEtcd>();
  PatternTemplate pattern;
  std::mutex mutex;
  std::vector<std::vector<SlotId>> changes;
};

inline bool shows(const RecordStore& store, std::size_t size) {
  return eventually([&] { return store.snapshot()->size() == size; });
}

// Before the second request of a listing somebody writes, and compacts up to there; `times` over.
class CompactedBetweenPages : public testing::CountingEtcd {
 public:
  CompactedBetweenPages(const Cluster& cluster, int times)
      : CountingEtcd(cluster.etcd), cluster_(cluster), left_(times) {}

  Result<RangeReply> range(const RangeRequest& request, const CallOptions& options) override {
    if (request.revision != 0 && left_ > 0) {
      --left_;
      cluster_.put(1);
      REQUIRE(cluster_.etcd->compact(cluster_.etcd->revision()).has_value());
    }
    return CountingEtcd::range(request, options);
  }

 private:
  const Cluster& cluster_;
  int left_;
};

}  // namespace idetcd
