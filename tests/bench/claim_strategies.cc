#include "bench/claim_strategies.h"

#include <fmt/format.h>

#include <unistd.h>
#include <cstdlib>

namespace idetcd::testing {

const CallOptions kPatient{.timeout = std::chrono::seconds(120)};

namespace {

LeaseId grant(Etcd& etcd, int number) {
  const LeaseId id =
      0x100000 + static_cast<LeaseId>(::getpid()) * 1000000 + number + static_cast<LeaseId>(std::rand()) * 4096;
  while (!etcd.lease_grant(id, std::chrono::seconds(120), {.timeout = std::chrono::seconds(60)})) {
  }
  return id;
}

Txn put_if_absent(const std::string& key, LeaseId lease) {
  Txn txn;
  txn.compares.push_back(Compare::absent(key));
  txn.success.emplace_back(PutRequest{key, "{}", lease});
  return txn;
}

Claimed ours(const Contest& contest, CountingEtcd& counted, int) {
  // The aliasing pointer lends the counter; the contest outlives the claim.
  std::shared_ptr<Etcd> etcd(std::shared_ptr<Etcd>{}, &counted);
  ClaimOptions options;
  options.path = contest.path;
  Record record;
  record.ipv4.push_back({127, 0, 0, 1});
  auto claim = SlotClaimer(etcd, contest.pattern, options).claim(record);
  if (!claim) {
    fmt::print(stderr, "claim_storm: {}\n", claim.error().message);
    return {};
  }
  const SlotId slot = claim->slot();
  return {slot, counted.requests(), std::move(*claim)};
}

// What no claim on etcd can undercut: a lease, and one write of the same two values under
// a name that is known beforehand. Nothing is checked.
Claimed floor_of_all(const Contest& contest, CountingEtcd& etcd, int number) {
  const auto slot = static_cast<SlotId>(number + 1);
  const LeaseId lease = grant(etcd, number);
  Record record;
  record.ipv4.push_back({127, 0, 0, 1});
  record.node = fmt::format("{:016x}", number);
  record.ttl = std::chrono::seconds(20);
  Txn put;
  put.success.emplace_back(PutRequest{contest.key(slot), to_json(record), lease});
  put.success.emplace_back(
      PutRequest{fmt::format("/idetcd/{}{}/node/{}", contest.path, contest.pattern.canonical(), record.node),
                 fmt::format(R"({{"address":"127.0.0.1","slot":{}}})", slot), lease});
  while (!etcd.txn(put, kPatient)) {
  }
  return {.slot = slot, .requests = etcd.requests()};
}

// Lists the names and goes for the lowest free one until it wins.
Claimed range_lowest_free(const Contest& contest, CountingEtcd& etcd, int number) {
  const LeaseId lease = grant(etcd, number);
  const KeyRange all{contest.path + std::string(contest.pattern.min_name()),
                     contest.path + std::string(contest.pattern.max_name()) + '\0'};
  for (;;) {
    auto listed = etcd.range({.keys = all, .keys_only = true}, kPatient);
    if (!listed) continue;
    std::vector<bool> taken(contest.pattern.limit() + 1);
    for (const KeyValue& kv : listed->kvs) {
      if (const auto slot = contest.pattern.match(std::string_view(kv.key).substr(contest.path.size())))
        taken[*slot] = true;
    }
    SlotId slot = 1;
    while (slot <= contest.pattern.limit() && taken[slot]) ++slot;
    if (slot > contest.pattern.limit()) return {.requests = etcd.requests()};
    const auto reply = etcd.txn(put_if_absent(contest.key(slot), lease), kPatient);
    if (reply && reply->succeeded) return {.slot = slot, .requests = etcd.requests()};
  }
}

// Tries 1, 2, 3 ... as a client of etcd's concurrency recipes would.
Claimed linear(const Contest& contest, CountingEtcd& etcd, int number) {
  const LeaseId lease = grant(etcd, number);
  for (SlotId slot = 1; slot <= contest.pattern.limit(); ++slot) {
    auto reply = etcd.txn(put_if_absent(contest.key(slot), lease), kPatient);
    if (reply && reply->succeeded) return {.slot = slot, .requests = etcd.requests()};
    if (!reply) --slot;
  }
  return {.requests = etcd.requests()};
}

// The Go ancestor: get, then put, with no transaction.
Claimed get_then_put(const Contest& contest, CountingEtcd& etcd, int number) {
  for (SlotId slot = 1; slot <= contest.pattern.limit(); ++slot) {
    const auto got = etcd.range({.keys = KeyRange::one(contest.key(slot))}, kPatient);
    if (!got || !got->kvs.empty()) continue;
    const LeaseId lease = grant(etcd, number);
    Txn put;
    put.success.emplace_back(PutRequest{contest.key(slot), "{}", lease});
    (void)etcd.txn(put, kPatient);
    return {.slot = slot, .requests = etcd.requests()};
  }
  return {.requests = etcd.requests()};
}

}  // namespace

std::vector<NamedStrategy> all_strategies() {
  return {{"floor", floor_of_all},
          {"ours", ours},
          {"range+lowest-free", range_lowest_free},
          {"linear-cas", linear},
          {"get-then-put", get_then_put}};
}

}  // namespace idetcd::testing
