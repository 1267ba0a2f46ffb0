#include "support/faulty_etcd.h"

#include "support/etcd_contract.h"
#include "support/etcd_steps.h"
#include "support/eventually.h"
#include "support/fake_etcd.h"
#include "support/manual_clock.h"

#include <catch2/catch.hpp>

using namespace idetcd;
using namespace idetcd::testing;
using namespace std::chrono_literals;

namespace {

struct Pair {
  std::shared_ptr<FakeEtcd> fake = std::make_shared<FakeEtcd>();
  FaultyEtcd faulty{fake};
};

const RangeRequest kReadA{KeyRange::one("a")};

}  // namespace

TEST_CASE("without faults, and with news that come late, it is an etcd like any other") {
  const auto with_late_watches = GENERATE(false, true);
  for (const ContractCase& contract : etcd_contract()) {
    DYNAMIC_SECTION(contract.name << (with_late_watches ? ", late" : "")) {
      ManualClock clock(boot_clock());
      const auto fake = std::make_shared<FakeEtcd>(clock);
      const auto faulty = std::make_shared<FaultyEtcd>(fake);
      if (with_late_watches) faulty->script(EtcdCall::kWatch, std::vector<Fault>(20, Fault::delayed(3ms)));
      contract.run({faulty, "/contract/", [&](std::chrono::seconds time) { clock.advance(time); },
                    [&](Revision at) { REQUIRE(fake->compact(at)); },
                    [&] { fake->set_network(FakeEtcd::Network::kSilent); },
                    [&] { fake->set_network(FakeEtcd::Network::kUp); }});
    }
  }
}

TEST_CASE("a lost request has no effect, a lost answer has one") {
  Pair etcd;
  const Txn txn{{}, operations(PutRequest{"a", ""}), {}};
  etcd.faulty.script(EtcdCall::kTxn, {Fault::request_lost(), Fault::answer_lost(ErrorCode::kDeadlineExceeded)});
  const auto lost = etcd.faulty.txn(txn, {});
  REQUIRE_FALSE(lost);
  CHECK(lost.error().code == ErrorCode::kUnavailable);
  CHECK_FALSE(get(*etcd.fake, "a"));
  const auto unheard = etcd.faulty.txn(txn, {});
  REQUIRE_FALSE(unheard);
  CHECK(unheard.error().code == ErrorCode::kDeadlineExceeded);
  CHECK(get(*etcd.fake, "a")->version == 1);
  CHECK(etcd.faulty.txn(txn, {}));
  CHECK(etcd.faulty.faults() == 2);
}

TEST_CASE("every kind of call can be lost") {
  Pair etcd;
  const auto lease = random_lease_id();
  etcd.faulty.script(EtcdCall::kLeaseGrant, {Fault::none(), Fault::answer_lost()});
  etcd.faulty.script(EtcdCall::kLeaseRevoke, {Fault::request_lost(), Fault::answer_lost()});
  etcd.faulty.script(EtcdCall::kRange, {Fault::request_lost()});
  etcd.faulty.script(EtcdCall::kKeepAlive, {Fault::request_lost(), Fault::answer_lost(ErrorCode::kDeadlineExceeded)});
  CHECK(etcd.faulty.lease_grant(random_lease_id(), 20s, {}));
  CHECK_FALSE(etcd.faulty.lease_grant(lease, 20s, {}));
  CHECK(etcd.faulty.lease_grant(lease, 20s, {}).error().code == ErrorCode::kAlreadyExists);
  CHECK_FALSE(etcd.faulty.range(kReadA, {}));
  CHECK(keep_alive(etcd.faulty, lease).error().code == ErrorCode::kUnavailable);
  CHECK(etcd.fake->counts().keep_alive == 0);
  CHECK(keep_alive(etcd.faulty, lease).error().code == ErrorCode::kDeadlineExceeded);
  CHECK(etcd.fake->counts().keep_alive == 1);
  CHECK(keep_alive(etcd.faulty, lease)->ttl == 20s);
  CHECK_FALSE(etcd.faulty.lease_revoke(lease, {}));
  CHECK_FALSE(etcd.faulty.lease_revoke(lease, {}));
  CHECK(etcd.faulty.lease_revoke(lease, {}).error().code == ErrorCode::kNotFound);
}

TEST_CASE("a delay that is longer than the call may take is a late answer") {
  Pair etcd;
  const Txn txn{{}, operations(PutRequest{"a", ""}), {}};
  etcd.faulty.script(EtcdCall::kTxn, {Fault::delayed(4ms), Fault::delayed(1h), Fault::delayed(1h)});
  CHECK(etcd.faulty.txn(txn, {}));
  CHECK(etcd.faulty.txn(txn, {.timeout = 5ms}).error().code == ErrorCode::kDeadlineExceeded);
  std::stop_source stopped;
  stopped.request_stop();
  CHECK(etcd.faulty.txn(txn, {.stop = stopped.get_token()}).error().code == ErrorCode::kCancelled);
  CHECK(get(*etcd.fake, "a")->version == 1);

  const auto lease = grant(*etcd.fake, 20s);
  etcd.faulty.script(EtcdCall::kKeepAlive, {Fault::delayed(4ms), Fault::delayed(4ms)});
  CHECK(keep_alive(etcd.faulty, lease)->ttl == 20s);
  CHECK(keep_alive(etcd.faulty, lease, 2ms).error().code == ErrorCode::kDeadlineExceeded);
}

TEST_CASE("watches are refused and cut") {
  Pair etcd;
  etcd.faulty.script(EtcdCall::kWatch, {Fault::request_lost()});
  WatchLog refused(etcd.faulty, {KeyRange::one("a"), 0});
  REQUIRE(refused.has_ended());
  CHECK(refused.batches().empty());

  WatchLog cut(etcd.faulty, {KeyRange::one("a"), 0});
  REQUIRE(cut.established());
  etcd.faulty.cut_watches();
  REQUIRE(cut.has_ended());
  CHECK(cut.end()->code == ErrorCode::kUnavailable);
  WatchLog next(etcd.faulty, {KeyRange::one("a"), cut.batches()[0].header.revision + 1});
  put(etcd.faulty, "a", "");
  CHECK(next.has_events(1));
  CHECK(cut.events().empty());
  CHECK(cut.callbacks_after_end() == 0);
}

TEST_CASE("chance is the seed's") {
  const auto outcomes = [](std::uint64_t seed) {
    Pair etcd;
    etcd.faulty.set_odds({.request_lost = 0.2, .answer_lost = 0.2, .delayed = 0.1, .most_delay = 1ms}, seed);
    std::string story;
    for (int i = 0; i < 100; ++i) {
      const auto reply = etcd.faulty.txn({{}, operations(PutRequest{"a", ""}), {}}, {});
      story += reply ? '.' : reply.error().code == ErrorCode::kUnavailable ? 'u' : 'd';
    }
    story += std::to_string(get(*etcd.fake, "a")->version);
    CHECK(etcd.faulty.faults() > 20);
    return story;
  };
  CHECK(outcomes(1) == outcomes(1));
  CHECK(outcomes(1) != outcomes(2));
}

TEST_CASE("a watch that is cut now and then misses nothing if it is taken up where it ended") {
  Pair etcd;
  etcd.faulty.set_odds({.watch_cut = 0.2}, 7);
  const auto first = etcd.fake->revision() + 1;
  int opened = 0;
  std::vector<Revision> seen;
  std::unique_ptr<WatchLog> log;
  std::size_t of_this_log = 0;
  // The cuts come from another thread, which a busy machine may leave behind.
  for (std::size_t written = 1; written <= 100 || (opened <= 5 && written <= 100'000); ++written) {
    put(*etcd.fake, "a", "");
    while (seen.size() < written) {
      if (!log || (log->end() && log->events().size() == of_this_log)) {
        const auto next = first + static_cast<Revision>(seen.size());
        log.reset();
        log = std::make_unique<WatchLog>(etcd.faulty, WatchRequest{KeyRange::one("a"), next});
        of_this_log = 0;
        ++opened;
      }
      REQUIRE(eventually(kPatience, [&] { return log->end() || log->events().size() > of_this_log; }));
      const auto events = log->events();
      for (; of_this_log < events.size(); ++of_this_log) seen.push_back(events[of_this_log].kv.mod_revision);
    }
  }
  CHECK(opened > 5);
  for (std::size_t i = 0; i < seen.size(); ++i) CHECK(seen[i] == first + static_cast<Revision>(i));
}
