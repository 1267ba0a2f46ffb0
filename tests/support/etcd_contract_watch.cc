// Watches: from where, what, in which pieces, and how they end.
#include "support/etcd_contract.h"
#include "support/etcd_steps.h"
#include "support/eventually.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <set>
#include <thread>

namespace idetcd::testing {
namespace {

using namespace std::chrono_literals;

KeyRange all_of(const EtcdFixture& fixture) {
  return KeyRange::prefix(fixture.prefix);
}

void a_watch_begins_with_an_empty_batch(const EtcdFixture& fixture) {
  Etcd& etcd = *fixture.etcd;
  const auto earlier = put(etcd, fixture.prefix + "earlier", "");
  WatchLog log(etcd, {all_of(fixture), 0});
  REQUIRE(log.established());
  CHECK(log.batches()[0].events.empty());
  CHECK(log.batches()[0].header.revision >= earlier);
  CHECK(log.batches()[0].header.cluster_id != 0);
  const auto later = put(etcd, fixture.prefix + "later", "");
  REQUIRE(log.has_events(1));
  CHECK(log.events()[0].kv.mod_revision == later);
  CHECK_FALSE(log.end());
}

void events_say_what_happened(const EtcdFixture& fixture) {
  Etcd& etcd = *fixture.etcd;
  const auto key = fixture.prefix + "a";
  const auto lease = grant(etcd, 60s);
  WatchLog log(etcd, {KeyRange::one(key), 0});
  REQUIRE(log.established());
  const auto created = put(etcd, key, "one", lease);
  const auto modified = put(etcd, key, "two");
  const auto erased = erase(etcd, KeyRange::one(key));
  REQUIRE(log.has_events(3));
  const auto events = log.events();
  CHECK(events[0].type == Event::Type::kPut);
  CHECK(events[0].kv == KeyValue{key, "one", created, created, 1, lease});
  CHECK(events[1].type == Event::Type::kPut);
  CHECK(events[1].kv == KeyValue{key, "two", created, modified, 2, 0});
  CHECK(events[2].type == Event::Type::kDelete);
  CHECK(events[2].kv == KeyValue{key, "", 0, erased, 0, 0});
  CHECK(log.batches().back().header.revision >= erased);
  CHECK(etcd.lease_revoke(lease, {}));
}

void a_watch_from_the_past_tells_it(const EtcdFixture& fixture) {
  Etcd& etcd = *fixture.etcd;
  put(etcd, fixture.prefix + "a", "1");
  const auto start = put(etcd, fixture.prefix + "a", "2");
  put(etcd, fixture.prefix + "b", "3");
  erase(etcd, KeyRange::one(fixture.prefix + "a"));
  WatchLog log(etcd, {all_of(fixture), start});
  REQUIRE(log.has_events(3));
  put(etcd, fixture.prefix + "c", "4");
  REQUIRE(log.has_events(4));
  const auto events = log.events();
  CHECK(events[0].kv.value == "2");
  CHECK(events[0].kv.version == 2);
  CHECK(events[1].kv.value == "3");
  CHECK(events[2].type == Event::Type::kDelete);
  CHECK(events[3].kv.value == "4");
}

void a_watch_from_the_future_waits_for_it(const EtcdFixture& fixture) {
  Etcd& etcd = *fixture.etcd;
  const auto start = put(etcd, fixture.prefix + "a", "") + 3;
  WatchLog log(etcd, {all_of(fixture), start});
  REQUIRE(log.established());
  for (int i = 0; i < 4; ++i) put(etcd, fixture.prefix + "a", "");
  REQUIRE(log.has_events(1));
  for (const Event& event : log.events()) CHECK(event.kv.mod_revision >= start);
}

void a_range_is_watched(const EtcdFixture& fixture) {
  Etcd& etcd = *fixture.etcd;
  const auto& prefix = fixture.prefix;
  WatchLog one(etcd, {KeyRange::one(prefix + "b"), 0});
  WatchLog range(etcd, {{prefix + "b", prefix + "d"}, 0});
  WatchLog all(etcd, {KeyRange::prefix(prefix), 0});
  REQUIRE(one.established());
  REQUIRE(range.established());
  REQUIRE(all.established());
  for (const char* name : {"a", "b", "bb", "c", "d"}) put(etcd, prefix + name, "");
  REQUIRE(all.has_events(5));
  REQUIRE(range.has_events(3));
  REQUIRE(one.has_events(1));
  put(etcd, prefix + "b", "last");
  REQUIRE(one.has_events(2));
  REQUIRE(range.has_events(4));
  CHECK(one.events().size() == 2);
  CHECK(range.events()[1].kv.key == prefix + "bb");
  CHECK(range.events()[3].kv.value == "last");
}

void a_revision_is_never_cut(const EtcdFixture& fixture) {
  Etcd& etcd = *fixture.etcd;
  const auto& prefix = fixture.prefix;
  const auto start = put(etcd, prefix + "gone", "");
  WatchLog live(etcd, {all_of(fixture), start + 1});
  REQUIRE(live.established());
  for (int round = 0; round < 20; ++round) {
    Txn txn{{}, operations(DeleteRequest{KeyRange::one(prefix + "gone")}), {}};
    for (int i = 0; i < 10; ++i) txn.success.emplace_back(PutRequest{prefix + "x" + std::to_string(i), ""});
    commit(etcd, txn);
    put(etcd, prefix + "gone", "");
  }
  WatchLog replayed(etcd, {all_of(fixture), start + 1});
  for (const WatchLog* log : {&live, &replayed}) {
    REQUIRE(log->has_events(20 * 12));
    Revision seen = start;
    for (const WatchBatch& batch : log->batches()) {
      Revision in_batch = 0;
      for (const Event& event : batch.events) {
        CHECK(event.kv.mod_revision > seen);  // nothing of an earlier batch's revisions
        CHECK(event.kv.mod_revision >= in_batch);
        in_batch = event.kv.mod_revision;
      }
      seen = std::max(seen, in_batch);
    }
    CHECK(log->events().size() == 20 * 12);
  }
}

void a_watch_of_the_compacted_past_ends(const EtcdFixture& fixture) {
  if (!fixture.compact) return;
  Etcd& etcd = *fixture.etcd;
  const auto first = put(etcd, fixture.prefix + "a", "1");
  put(etcd, fixture.prefix + "a", "2");
  const auto last = put(etcd, fixture.prefix + "a", "3");
  fixture.compact(last);
  WatchLog late(etcd, {all_of(fixture), first});
  REQUIRE(late.has_ended());
  CHECK(late.end()->code == ErrorCode::kCompacted);
  CHECK_THAT(late.end()->message, Catch::Contains(std::to_string(last)));
  CHECK(late.events().empty());

  WatchLog in_time(etcd, {all_of(fixture), last});
  REQUIRE(in_time.has_events(1));
  CHECK(in_time.events()[0].kv.value == "3");
  put(etcd, fixture.prefix + "b", "");
  CHECK(in_time.has_events(2));
  CHECK_FALSE(in_time.end());
}

void a_live_watch_does_not_mind_compaction(const EtcdFixture& fixture) {
  if (!fixture.compact) return;
  Etcd& etcd = *fixture.etcd;
  WatchLog log(etcd, {all_of(fixture), 0});
  REQUIRE(log.established());
  put(etcd, fixture.prefix + "a", "1");
  fixture.compact(put(etcd, fixture.prefix + "a", "2"));
  put(etcd, fixture.prefix + "a", "3");
  REQUIRE(log.has_events(3));
  CHECK_FALSE(log.end());
}

void a_destroyed_watch_is_quiet(const EtcdFixture& fixture) {
  Etcd& etcd = *fixture.etcd;
  std::jthread writer([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) (void)etcd.txn({{}, operations(PutRequest{fixture.prefix + "a", ""}), {}}, {});
  });
  int disturbed = 0;
  for (int round = 0; round < 30; ++round) {
    const auto destroyed = std::make_shared<std::atomic<bool>>(false);
    const auto late = std::make_shared<std::atomic<int>>(0);
    const auto heard = std::make_shared<std::atomic<int>>(0);
    auto watch = etcd.watch({all_of(fixture), 0}, [destroyed, late, heard](const Result<WatchBatch>&) {
      if (*destroyed) ++*late;
      ++*heard;
    });
    if (round % 3 != 0) REQUIRE(eventually([&] { return *heard > round % 4; }));
    watch.reset();
    *destroyed = true;
    const int then = *heard;
    put(etcd, fixture.prefix + "a", "");
    disturbed += *late + (*heard - then);
  }
  CHECK(disturbed == 0);
}

void many_watches_hear_everything(const EtcdFixture& fixture) {
  constexpr std::size_t kWatches = 10;
  constexpr std::size_t kWrites = 200;
  std::vector<std::unique_ptr<WatchLog>> logs;
  for (std::size_t i = 0; i < kWatches; ++i) {
    logs.push_back(std::make_unique<WatchLog>(*fixture.etcd, WatchRequest{all_of(fixture), 0}));
  }
  for (const auto& log : logs) REQUIRE(log->established());
  for (std::size_t i = 0; i < kWrites; ++i) put(*fixture.etcd, fixture.prefix + "a", std::to_string(i));
  for (const auto& log : logs) {
    REQUIRE(log->has_events(kWrites));
    const auto events = log->events();
    REQUIRE(events.size() == kWrites);
    bool in_order = true;
    for (std::size_t i = 0; i < kWrites; ++i) in_order = in_order && events[i].kv.value == std::to_string(i);
    CHECK(in_order);
  }
}

}  // namespace

std::vector<ContractCase> watch_contract() {
  return {
      {"a watch begins with an empty batch, and now", a_watch_begins_with_an_empty_batch},
      {"events say what happened", events_say_what_happened},
      {"a watch from the past tells it", a_watch_from_the_past_tells_it},
      {"a watch from the future waits for it", a_watch_from_the_future_waits_for_it},
      {"a key, a range or a prefix is watched", a_range_is_watched},
      {"a revision is never cut", a_revision_is_never_cut},
      {"a watch of the compacted past ends", a_watch_of_the_compacted_past_ends},
      {"a live watch does not mind compaction", a_live_watch_does_not_mind_compaction},
      {"a destroyed watch is quiet", a_destroyed_watch_is_quiet},
      {"many watches hear everything, in order", many_watches_hear_everything},
  };
}

}  // namespace idetcd::testing
