// RecordStore on an etcd in memory: what it shows, and what a fault may not do to it.
#include <idetcd/record_store.h>

#include "support/faulty_etcd.h"
#include "unit/records/record_cluster.h"

#include <catch2/catch.hpp>

namespace idetcd {
namespace {

using namespace std::chrono_literals;
using testing::EtcdCall;
using testing::eventually;
using testing::FakeEtcd;
using testing::Fault;
using testing::FaultyEtcd;

}  // namespace

TEST_CASE("a store shows what is there and follows it", "[store]") {
  Cluster cluster;
  cluster.put(1);
  cluster.put(7);
  const auto store = cluster.open();
  CHECK(store->snapshot()->size() == 2);
  CHECK(cluster.changes == std::vector<std::vector<SlotId>>{{1, 7}});
  REQUIRE(eventually([&] { return store->staleness().live; }));

  const auto pinned = store->snapshot();
  cluster.put(3);
  REQUIRE(shows(*store, 3));
  CHECK(store->snapshot()->find(3)->record.ipv4.front() == Ipv4{10, 0, 0, 4});
  CHECK(pinned->size() == 2);  // a version once taken stays as it is
  CHECK_FALSE(pinned->find(3).has_value());
  cluster.erase(1);
  REQUIRE(shows(*store, 2));
  CHECK_FALSE(store->snapshot()->find(1).has_value());
  CHECK(pinned->find(1).has_value());
}

TEST_CASE("a malformed record is left out and counted, the others stand", "[store]") {
  Cluster cluster;
  cluster.put(1);
  cluster.put(2, "{oops");
  const auto store = cluster.open();
  CHECK(store->snapshot()->size() == 1);
  CHECK(store->snapshot()->malformed() == 1);
  cluster.put(1, "[]");
  REQUIRE(shows(*store, 0));
  CHECK(store->snapshot()->malformed() == 2);
  cluster.put(2);
  REQUIRE(shows(*store, 1));
  cluster.erase(1);
  CHECK(eventually([&] { return store->snapshot()->malformed() == 0; }));
}

TEST_CASE("the last set stands while etcd is away, and catches up afterwards", "[store]") {
  Cluster cluster;
  cluster.put(1);
  const auto store = cluster.open();
  REQUIRE(eventually([&] { return store->staleness().live; }));
  cluster.etcd->stop();
  REQUIRE(eventually([&] { return !store->staleness().live; }));
  CHECK(store->snapshot()->size() == 1);
  cluster.etcd->start();
  cluster.put(2);
  CHECK(shows(*store, 2));
  CHECK(eventually([&] { return store->staleness().live; }));
}

TEST_CASE("history compacted while away: listed anew, only real differences told", "[store]") {
  Cluster cluster;
  cluster.put(1);
  cluster.put(2);
  const auto faulty = std::make_shared<FaultyEtcd>(cluster.etcd);
  const auto store = cluster.open(faulty);
  REQUIRE(eventually([&] { return store->staleness().live; }));
  const auto told = cluster.change_count();
  const auto listings = cluster.etcd->counts().range;
  faulty->set_odds({.request_lost = 1}, 1);
  faulty->cut_watches();
  REQUIRE(eventually([&] { return !store->staleness().live; }));
  cluster.erase(1);
  cluster.put(5);
  REQUIRE(cluster.etcd->compact(cluster.etcd->revision()).has_value());
  faulty->set_odds({}, 1);
  REQUIRE(eventually([&] { return store->snapshot()->find(5) && !store->snapshot()->find(1); }));
  CHECK(cluster.etcd->counts().range > listings);
  std::lock_guard lock(cluster.mutex);
  for (std::size_t i = told; i < cluster.changes.size(); ++i) {
    for (const SlotId slot : cluster.changes[i]) CHECK((slot == 1 || slot == 5));
  }
}

TEST_CASE("an etcd restored from an older backup is followed back", "[store]") {
  Cluster cluster;
  cluster.put(1);
  const auto backup = cluster.etcd->backup();
  cluster.put(2);
  cluster.put(3);
  const auto store = cluster.open();
  REQUIRE(shows(*store, 3));
  cluster.etcd->restore(backup);
  CHECK(shows(*store, 1));
}

TEST_CASE("a listing of many pages is whole or nothing", "[store]") {
  Cluster cluster(12000);
  cluster.fill(11000);
  const auto faulty = std::make_shared<FaultyEtcd>(cluster.etcd);
  faulty->script(EtcdCall::kRange,
                 {Fault::none(), Fault::request_lost(), Fault::none(), Fault::none(), Fault::request_lost()});
  const auto store = cluster.open(faulty);
  CHECK(store->snapshot()->size() == 11000);
  CHECK(cluster.changes.size() == 1);  // no half of it was ever shown
  std::size_t visited = 0;
  SlotId last = 0;
  store->snapshot()->for_each([&](const NamedRecord& named) {
    CHECK(named.slot > last);
    last = named.slot;
    ++visited;
  });
  CHECK(visited == 11000);
}

TEST_CASE("history compacted between two pages: listed anew", "[store]") {
  Cluster cluster(12000);
  cluster.fill(11000);
  const auto busy = std::make_shared<CompactedBetweenPages>(cluster, 2);
  const auto store = cluster.open(busy);
  CHECK(busy->requests() == 2 + 2 + 3);  // two listings broken off at their second page, and a whole one
  CHECK(store->snapshot()->size() == 11000);
  CHECK(cluster.changes.size() == 1);
}

TEST_CASE("watches that are cut again and again lose nothing", "[store]") {
  Cluster cluster;
  const auto faulty = std::make_shared<FaultyEtcd>(cluster.etcd);
  faulty->set_odds({.watch_cut = 0.3}, 5);
  const auto store = cluster.open(faulty);
  for (int round = 0; round < 40; ++round) {
    const auto slot = static_cast<SlotId>(round % 20 + 1);
    round % 3 ? cluster.put(slot) : cluster.erase(slot);
  }
  cluster.put(50);
  REQUIRE(eventually([&] { return store->snapshot()->find(50).has_value(); }));
  for (SlotId slot = 1; slot <= 50; ++slot) {
    const bool there =
        cluster.etcd->range({.keys = KeyRange::one(std::string(cluster.pattern.render(slot)))}, {})->count == 1;
    CHECK(store->snapshot()->find(slot).has_value() == there);
  }
}

TEST_CASE("opening waits for etcd, and can be stopped", "[store]") {
  Cluster cluster;
  cluster.etcd->set_network(FakeEtcd::Network::kRefusing);
  std::stop_source stop;
  const auto refused = [&] { return cluster.etcd->counts().range > 0; };
  SECTION("stopped") {
    std::jthread stopper([&] {
      eventually(refused);
      stop.request_stop();
    });
    const auto store = RecordStore::open(cluster.etcd, {.pattern = cluster.pattern}, stop.get_token());
    REQUIRE_FALSE(store.has_value());
    CHECK(store.error().code == ErrorCode::kCancelled);
  }
  SECTION("comes up") {
    std::jthread later([&] {
      eventually(refused);
      cluster.etcd->set_network(FakeEtcd::Network::kUp);
    });
    CHECK(RecordStore::open(cluster.etcd, {.pattern = cluster.pattern}, stop.get_token()).has_value());
  }
}

}  // namespace idetcd
