#include "support/fake_etcd.h"

#include "support/etcd_contract.h"
#include "support/etcd_steps.h"
#include "support/eventually.h"
#include "support/manual_clock.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <thread>

using namespace idetcd;
using namespace idetcd::testing;
using namespace std::chrono_literals;

using Network = FakeEtcd::Network;

TEST_CASE("the fake passes the contract of every etcd") {
  for (const ContractCase& contract : etcd_contract()) {
    DYNAMIC_SECTION(contract.name) {
      ManualClock clock(boot_clock());
      const auto etcd = std::make_shared<FakeEtcd>(clock);
      contract.run({etcd, "/contract/", [&](std::chrono::seconds time) { clock.advance(time); },
                    [&](Revision at) { REQUIRE(etcd->compact(at)); }, [&] { etcd->set_network(Network::kSilent); },
                    [&] { etcd->set_network(Network::kUp); }});
    }
  }
}

TEST_CASE("on a clock that stands still leases end when it is moved, not later") {
  ManualClock clock;
  FakeEtcd etcd(clock);
  const auto lease = grant(etcd, 20s);
  put(etcd, "a", "", lease);
  clock.advance(19s);
  CHECK(keep_alive(etcd, lease)->ttl == 20s);
  clock.advance(20s - 1ns);
  CHECK(etcd.leases() == 1);
  const auto before = etcd.revision();
  clock.advance(1ns);
  CHECK(etcd.leases() == 0);
  CHECK(etcd.revision() == before + 1);
  CHECK_FALSE(get(etcd, "a"));
}

TEST_CASE("a refusing network fails calls and streams, and the server lives on") {
  ManualClock clock;
  FakeEtcd etcd(clock);
  const auto lease = grant(etcd, 20s);
  put(etcd, "a", "", lease);
  WatchLog log(etcd, {KeyRange::one("a"), 0});
  REQUIRE(log.established());

  etcd.set_network(Network::kRefusing);
  REQUIRE(log.has_ended());
  CHECK(log.end()->code == ErrorCode::kUnavailable);
  const auto reply = etcd.range({KeyRange::one("a")}, {});
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code == ErrorCode::kUnavailable);
  CHECK(keep_alive(etcd, lease).error().code == ErrorCode::kUnavailable);
  WatchLog refused(etcd, {KeyRange::one("a"), 0});
  REQUIRE(refused.has_ended());
  CHECK(refused.batches().empty());

  clock.advance(20s);
  etcd.set_network(Network::kUp);
  CHECK_FALSE(get(etcd, "a"));
  CHECK(log.callbacks_after_end() == 0);
}

TEST_CASE("a silent network keeps everything back until it speaks again") {
  ManualClock clock;
  FakeEtcd etcd(clock);
  const auto lease = grant(etcd, 20s);
  WatchLog log(etcd, {KeyRange::one("a"), 0});
  REQUIRE(log.established());
  put(etcd, "a", "", lease);
  REQUIRE(log.has_events(1));

  etcd.set_network(Network::kSilent);
  clock.advance(20s);
  std::atomic<bool> answered{false};
  etcd.lease_keep_alive(lease, 1s, [&](const Result<KeepAliveReply>& reply) {
    if (reply && reply->ttl == 0s) answered = true;
  });
  std::atomic<bool> written{false};
  std::jthread caller([&] { written = etcd.txn({{}, operations(PutRequest{"b", "late"}), {}}, {}).has_value(); });
  REQUIRE(eventually(kPatience, [&] { return etcd.counts().txn == 2; }));
  CHECK_FALSE(answered);
  CHECK(log.events().size() == 1);

  etcd.set_network(Network::kUp);
  caller.join();
  CHECK(written);
  CHECK(log.has_events(2));
  CHECK(eventually(kPatience, [&] { return answered.load(); }));
  CHECK(get(etcd, "b"));
}

TEST_CASE("a call into silence ends when the clock says so") {
  ManualClock clock;
  FakeEtcd etcd(clock);
  etcd.set_network(Network::kSilent);
  std::atomic<bool> ended{false};
  std::jthread caller([&] {
    const auto reply = etcd.range({KeyRange::one("a")}, {.timeout = 10min});
    ended = !reply && reply.error().code == ErrorCode::kDeadlineExceeded;
  });
  REQUIRE(eventually(kPatience, [&] { return etcd.counts().range == 1; }));
  clock.advance(10min - 1ns);
  CHECK_FALSE(ended);
  clock.advance(1ns);
  CHECK(eventually(kPatience, [&] { return ended.load(); }));
}

TEST_CASE("a restart keeps the data and gives every lease its whole time again") {
  ManualClock clock;
  FakeEtcd etcd(clock);
  const auto lease = grant(etcd, 20s);
  const auto written = put(etcd, "a", "1", lease);
  const auto before = list(etcd, KeyRange::one("a")).header;
  WatchLog log(etcd, {KeyRange::one("a"), 0});
  REQUIRE(log.established());
  clock.advance(15s);

  etcd.stop();
  REQUIRE(log.has_ended());
  CHECK_FALSE(etcd.range({KeyRange::one("a")}, {}));
  clock.advance(1h);
  etcd.start();
  CHECK(get(etcd, "a")->mod_revision == written);
  clock.advance(19s);
  CHECK(get(etcd, "a"));
  const auto after = list(etcd, KeyRange::one("a")).header;
  CHECK(after.cluster_id == before.cluster_id);
  CHECK(after.raft_term > before.raft_term);
  clock.advance(1s);
  CHECK_FALSE(get(etcd, "a"));
}

TEST_CASE("a restored backup is another cluster with an older revision") {
  FakeEtcd etcd;
  const auto lease = grant(etcd, 20s);
  put(etcd, "a", "1", lease);
  const auto backup = etcd.backup();
  const auto then = list(etcd, KeyRange::one("a")).header;
  put(etcd, "a", "2", lease);
  put(etcd, "b", "1");
  const auto later = grant(etcd, 20s);
  WatchLog log(etcd, {KeyRange::one("a"), 0});
  REQUIRE(log.established());

  etcd.restore(backup);
  REQUIRE(log.has_ended());
  const auto now = list(etcd, KeyRange::one("a"));
  CHECK(now.header.revision == then.revision);
  CHECK(now.header.cluster_id != then.cluster_id);
  CHECK(now.kvs.at(0).value == "1");
  CHECK_FALSE(get(etcd, "b"));
  CHECK(keep_alive(etcd, lease)->ttl == 20s);
  CHECK(keep_alive(etcd, later)->ttl == 0s);
}

TEST_CASE("a full disk stops what needs space and nothing else") {
  FakeEtcd etcd;
  const auto lease = grant(etcd, 20s);
  put(etcd, "a", "", lease);
  etcd.set_disk(FakeEtcd::Disk::kFull);
  CHECK(etcd.txn({{}, operations(PutRequest{"b", ""}), {}}, {}).error().code == ErrorCode::kNoSpace);
  CHECK(etcd.txn({{}, {}, operations(nested({{}, operations(PutRequest{"b", ""}), {}}))}, {}).error().code ==
        ErrorCode::kNoSpace);
  CHECK(etcd.lease_grant(random_lease_id(), 20s, {}).error().code == ErrorCode::kNoSpace);
  CHECK(get(etcd, "a"));
  CHECK(keep_alive(etcd, lease)->ttl == 20s);
  erase(etcd, KeyRange::one("none"));
  CHECK(etcd.lease_revoke(lease, {}));
  CHECK_FALSE(get(etcd, "a"));
  etcd.set_disk(FakeEtcd::Disk::kFree);
  put(etcd, "b", "");
}

TEST_CASE("an end of the fake answers what is open") {
  std::atomic<int> cancelled{0};
  {
    FakeEtcd etcd;
    etcd.set_network(Network::kSilent);
    etcd.lease_keep_alive(1, 1h, [&](const Result<KeepAliveReply>& reply) {
      if (!reply && reply.error().code == ErrorCode::kCancelled) ++cancelled;
    });
  }
  CHECK(cancelled == 1);
}

TEST_CASE("broken streams end what is open and leave calls alone") {
  FakeEtcd etcd;
  WatchLog log(etcd, {KeyRange::one("a"), 0});
  REQUIRE(log.established());
  etcd.break_streams();
  REQUIRE(log.has_ended());
  put(etcd, "a", "");
  WatchLog again(etcd, {KeyRange::one("a"), log.batches()[0].header.revision + 1});
  CHECK(again.has_events(1));
  CHECK(log.events().empty());
}

TEST_CASE("requests are counted by kind") {
  FakeEtcd etcd;
  const auto lease = grant(etcd, 20s);
  put(etcd, "a", "", lease);
  get(etcd, "a");
  get(etcd, "b");
  (void)keep_alive(etcd, lease);
  { WatchLog log(etcd, {KeyRange::one("a"), 0}); }
  (void)etcd.lease_revoke(lease, {});
  CHECK(etcd.counts() == FakeEtcd::Counts{2, 1, 1, 1, 1, 1});
}
