// Leases: granting under a chosen id, what hangs on them, keeping them, losing them.
#include "support/etcd_contract.h"
#include "support/etcd_steps.h"
#include "support/eventually.h"

#include <catch2/catch.hpp>

#include <atomic>

namespace idetcd::testing {
namespace {

using namespace std::chrono_literals;

constexpr auto kMinute = 60s;

template <class T>
ErrorCode code_of(const Result<T>& result) {
  REQUIRE_FALSE(result);
  return result.error().code;
}

void a_lease_has_the_id_that_was_asked_for(const EtcdFixture& fixture) {
  Etcd& etcd = *fixture.etcd;
  const auto id = random_lease_id();
  const auto granted = etcd.lease_grant(id, kMinute, {});
  REQUIRE(granted);
  CHECK(granted->id == id);
  CHECK(granted->ttl == kMinute);
  CHECK(granted->header.revision > 0);
  CHECK(granted->header.cluster_id != 0);
  CHECK(code_of(etcd.lease_grant(id, kMinute, {})) == ErrorCode::kAlreadyExists);
  CHECK(etcd.lease_revoke(id, {}));
  CHECK(code_of(etcd.lease_revoke(id, {})) == ErrorCode::kNotFound);
  CHECK(etcd.lease_grant(id, kMinute, {}));
  CHECK(etcd.lease_revoke(id, {}));
}

void a_short_lease_is_made_longer_and_an_absurd_one_refused(const EtcdFixture& fixture) {
  Etcd& etcd = *fixture.etcd;
  const auto granted = etcd.lease_grant(random_lease_id(), 1s, {});
  REQUIRE(granted);
  CHECK(granted->ttl >= 1s);
  CHECK(granted->ttl <= 10s);
  CHECK(etcd.lease_revoke(granted->id, {}));
  CHECK(code_of(etcd.lease_grant(random_lease_id(), 9'000'000'001s, {})) == ErrorCode::kInvalidArgument);
}

void a_revoked_lease_takes_its_keys_along(const EtcdFixture& fixture) {
  Etcd& etcd = *fixture.etcd;
  const auto lease = grant(etcd, kMinute);
  const auto other = grant(etcd, kMinute);
  const auto& prefix = fixture.prefix;
  put(etcd, prefix + "a", "", lease);
  put(etcd, prefix + "b", "", lease);
  put(etcd, prefix + "c", "", other);
  const auto last = put(etcd, prefix + "d", "");
  CHECK(get(etcd, prefix + "a")->lease == lease);
  CHECK(get(etcd, prefix + "d")->lease == 0);
  WatchLog log(etcd, {KeyRange::prefix(prefix), last + 1});
  CHECK(etcd.lease_revoke(lease, {}));
  CHECK_FALSE(get(etcd, prefix + "a"));
  CHECK_FALSE(get(etcd, prefix + "b"));
  CHECK(get(etcd, prefix + "c"));
  CHECK(get(etcd, prefix + "d"));
  REQUIRE(log.has_events(2));
  const auto events = log.events();
  CHECK(events[0].type == Event::Type::kDelete);
  CHECK(events[0].kv.key == prefix + "a");
  CHECK(events[1].kv.key == prefix + "b");
  CHECK(events[0].kv.mod_revision == events[1].kv.mod_revision);
  CHECK(etcd.lease_revoke(other, {}));
}

void a_key_hangs_on_the_lease_of_its_last_put(const EtcdFixture& fixture) {
  Etcd& etcd = *fixture.etcd;
  const auto first = grant(etcd, kMinute);
  const auto second = grant(etcd, kMinute);
  const auto moved = fixture.prefix + "moved";
  const auto freed = fixture.prefix + "freed";
  put(etcd, moved, "", first);
  put(etcd, freed, "", first);
  put(etcd, moved, "", second);
  put(etcd, freed, "");
  CHECK(get(etcd, moved)->lease == second);
  CHECK(etcd.lease_revoke(first, {}));
  CHECK(get(etcd, moved));
  CHECK(get(etcd, freed));
  CHECK(etcd.lease_revoke(second, {}));
  CHECK_FALSE(get(etcd, moved));
  CHECK(get(etcd, freed));
}

void a_deleted_key_no_longer_hangs_on_a_lease(const EtcdFixture& fixture) {
  Etcd& etcd = *fixture.etcd;
  const auto key = fixture.prefix + "a";
  const auto lease = grant(etcd, kMinute);
  put(etcd, key, "mine", lease);
  erase(etcd, KeyRange::one(key));
  put(etcd, key, "successor's");
  CHECK(etcd.lease_revoke(lease, {}));
  CHECK(get(etcd, key)->value == "successor's");
}

void a_keep_alive_says_the_whole_time(const EtcdFixture& fixture) {
  Etcd& etcd = *fixture.etcd;
  const auto lease = grant(etcd, kMinute);
  const auto reply = keep_alive(etcd, lease);
  REQUIRE(reply);
  CHECK(reply->ttl == kMinute);
  CHECK(reply->header.revision > 0);
  CHECK(etcd.lease_revoke(lease, {}));
  const auto gone = keep_alive(etcd, lease);
  REQUIRE(gone);
  CHECK(gone->ttl == 0s);
  const auto never = keep_alive(etcd, random_lease_id());
  REQUIRE(never);
  CHECK(never->ttl == 0s);
}

void each_keep_alive_is_answered_once(const EtcdFixture& fixture) {
  constexpr int kLeases = 20;
  constexpr int kRounds = 5;
  struct Tally {
    std::atomic<int> good{0}, gone{0}, failed{0};
  };
  const auto tally = std::make_shared<Tally>();
  std::vector<LeaseId> leases;
  for (int i = 0; i < kLeases; ++i) leases.push_back(grant(*fixture.etcd, kMinute));
  for (int round = 0; round < kRounds; ++round) {
    for (const auto lease : leases) {
      fixture.etcd->lease_keep_alive(lease, 10s, [tally](const Result<KeepAliveReply>& reply) {
        ++(!reply ? tally->failed : reply->ttl == kMinute ? tally->good : tally->gone);
      });
    }
    fixture.etcd->lease_keep_alive(random_lease_id(), 10s, [tally](const Result<KeepAliveReply>& reply) {
      ++(!reply ? tally->failed : reply->ttl == 0s ? tally->gone : tally->good);
    });
  }
  CHECK(eventually(kPatience, [&] { return tally->good + tally->gone + tally->failed == (kLeases + 1) * kRounds; }));
  CHECK(tally->failed == 0);
  CHECK(tally->gone == kRounds);
  for (const auto lease : leases) CHECK(fixture.etcd->lease_revoke(lease, {}));
  CHECK(tally->good == kLeases * kRounds);
}

void an_unkept_lease_ends(const EtcdFixture& fixture) {
  Etcd& etcd = *fixture.etcd;
  const auto key = fixture.prefix + "a";
  const auto lease = grant(etcd, 2s);
  const auto last = put(etcd, key, "", lease);
  WatchLog log(etcd, {KeyRange::one(key), last + 1});
  for (int seconds = 0; seconds < 15 && get(etcd, key); ++seconds) fixture.let_pass(1s);
  CHECK_FALSE(get(etcd, key));
  REQUIRE(log.has_events(1));
  CHECK(log.events()[0].type == Event::Type::kDelete);
  const auto reply = keep_alive(etcd, lease);
  REQUIRE(reply);
  CHECK(reply->ttl == 0s);
  CHECK(code_of(etcd.lease_revoke(lease, {})) == ErrorCode::kNotFound);
  CHECK(code_of(etcd.txn({{}, operations(PutRequest{key, "", lease}), {}}, {})) == ErrorCode::kNotFound);
}

void a_kept_lease_lives(const EtcdFixture& fixture) {
  Etcd& etcd = *fixture.etcd;
  const auto key = fixture.prefix + "a";
  constexpr auto kTtl = 5s;
  const auto lease = grant(etcd, kTtl);
  put(etcd, key, "", lease);
  for (auto passed = 0s; passed <= kTtl + 1s; passed += 1s) {
    const auto reply = keep_alive(etcd, lease);
    REQUIRE(reply);
    REQUIRE(reply->ttl == kTtl);
    fixture.let_pass(1s);
  }
  CHECK(get(etcd, key));
  CHECK(etcd.lease_revoke(lease, {}));
}

void a_keep_alive_ends_at_its_deadline(const EtcdFixture& fixture) {
  if (!fixture.fall_silent) return;
  const auto lease = grant(*fixture.etcd, kMinute);
  REQUIRE(keep_alive(*fixture.etcd, lease));
  fixture.fall_silent();
  const auto reply = keep_alive(*fixture.etcd, lease, 200ms);
  fixture.answer_again();
  CHECK(code_of(reply) == ErrorCode::kDeadlineExceeded);
  const auto later = keep_alive(*fixture.etcd, lease);
  REQUIRE(later);
  CHECK(later->ttl == kMinute);
  CHECK(fixture.etcd->lease_revoke(lease, {}));
}

}  // namespace

std::vector<ContractCase> lease_contract() {
  return {
      {"a lease has the id that was asked for, once", a_lease_has_the_id_that_was_asked_for},
      {"a short lease is made longer, an absurd one refused", a_short_lease_is_made_longer_and_an_absurd_one_refused},
      {"a revoked lease takes its keys along, in one revision", a_revoked_lease_takes_its_keys_along},
      {"a key hangs on the lease of its last put", a_key_hangs_on_the_lease_of_its_last_put},
      {"a deleted key no longer hangs on a lease", a_deleted_key_no_longer_hangs_on_a_lease},
      {"a keep-alive says the whole time to live, or 0", a_keep_alive_says_the_whole_time},
      {"each keep-alive is answered once", each_keep_alive_is_answered_once},
      {"a lease that is not kept ends", an_unkept_lease_ends},
      {"a lease that is kept lives", a_kept_lease_lives},
      {"a keep-alive ends at its deadline", a_keep_alive_ends_at_its_deadline},
  };
}

}  // namespace idetcd::testing
