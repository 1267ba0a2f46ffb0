#include "doctor/etcd_checks.h"

#include <fmt/format.h>
#include <idetcd/member_status.h>
#include <idetcd/pool.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "common/settings/connection.h"
#include "common/system/exit_status.h"
#include "pools/pool_discovery.h"

namespace idetcd::tool {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kPatience = 2s;  // for one member
constexpr std::chrono::microseconds kSlow = 100ms;
constexpr std::int64_t kLarge = std::int64_t{1536} << 20;  // of a quota of 2 GiB, unless it was raised

Finding of_member(const std::string& endpoint, const MemberStatus& status) {
  const std::string what = "etcd " + endpoint;
  const std::string is = fmt::format(
      "version {}, {}, answers in {:.1f} ms, {:.1f} MB", status.version, status.leader ? "the leader" : "a follower",
      static_cast<double>(status.latency.count()) / 1000, static_cast<double>(status.database_size) / 1e6);
  if (!status.alarms.empty())
    return {Verdict::kFail, what, fmt::format("{}; alarm: {}", is, fmt::join(status.alarms, ", ")),
            "see `etcdctl alarm list`; after NOSPACE: compact, defragment, `etcdctl alarm disarm`"};
  if (!status.has_leader)
    return {Verdict::kFail, what, is + "; it knows no leader", "see whether most members run and reach each other"};
  if (!status.known_bugs.empty())
    return {Verdict::kWarn, what, fmt::format("{}; known: {}", is, fmt::join(status.known_bugs, "; ")),
            "upgrade etcd; until then a node may believe in a slot that was given away, for as long as its next "
            "keep-alive takes"};
  if (status.latency > kSlow)
    return {Verdict::kWarn, what, is, "claims and takeovers take as long as that; a nearer etcd helps"};
  if (status.database_size > kLarge)
    return {Verdict::kWarn, what, is,
            "compact and defragment it, or raise --quota-backend-bytes: a full one takes no claim"};
  return {Verdict::kOk, what, is};
}

// Nothing is written: the compare does not hold. etcd checks the permissions of both branches first.
Status may_write(Etcd& etcd, const std::string& key) {
  Txn txn;
  txn.compares.push_back(Compare::created_at(key, -1));
  txn.success.emplace_back(PutRequest{key, "", 0});
  auto reply = etcd.txn(txn, {.timeout = kPatience});
  if (!reply) return reply.error();
  return {};
}

std::string name_of(const app::PoolSettings& pool) {
  return fmt::format("pool {}{}", pool.path, pool.pattern);
}

}  // namespace

void check_members(const app::Settings& settings, Findings& findings) {
  const auto answers = member_statuses(app::etcd_options(settings, {}), kPatience);
  if (!answers) throw app::Exit(answers.error());
  std::set<std::uint64_t> clusters;
  for (const MemberAnswer& answer : *answers) {
    if (!answer.status) {
      std::string text = answer.status.error().message;
      if (const std::string place = fmt::format("etcd at {}: ", answer.endpoint); text.starts_with(place))
        text.erase(0, place.size());
      findings.push_back(
          {Verdict::kFail, "etcd " + answer.endpoint, std::move(text), "start it, or take it out of the endpoints"});
      continue;
    }
    clusters.insert(answer.status->cluster);
    findings.push_back(of_member(answer.endpoint, *answer.status));
  }
  if (clusters.size() > 1)
    findings.push_back({Verdict::kFail, "endpoints", "they belong to several clusters",
                        "give the endpoints of one cluster; names are unique within one only"});
  if (answers->size() == 1)
    findings.push_back({Verdict::kWarn, "endpoints", "only one is given",
                        "give all members, so that another one is asked when this one is away"});
}

bool check_permissions(Etcd& etcd, const app::PoolSettings& pool, Findings& findings) {
  const PatternTemplate pattern = app::parse_pattern(pool);
  for (const KeyRange& keys : pool_keys(pattern, pool.path)) {
    auto read = etcd.range({.keys = keys, .limit = 1}, {.timeout = kPatience});
    Status may = read ? Status() : read.error();
    if (may && pool.claim) may = may_write(etcd, keys.begin);
    if (may) continue;
    findings.push_back({Verdict::kFail, name_of(pool), may.error().message,
                        may.error().code == ErrorCode::kDenied ? "`idetcd role` prints the permissions that it needs"
                                                               : "see what is said of the members above"});
    return false;
  }
  findings.push_back({Verdict::kOk, name_of(pool), pool.claim ? "may be read and written" : "may be read"});
  return true;
}

void check_pool(Etcd& etcd, const app::PoolSettings& pool, Findings& findings) {
  const PatternTemplate pattern = app::parse_pattern(pool);
  const auto state = read_pool(etcd, pattern, pool.path);
  if (!state) {
    findings.push_back({Verdict::kFail, name_of(pool), state.error().message, "see what is said of the members above"});
    return;
  }
  const auto broken = std::ranges::count_if(state->names, [](const PoolName& name) { return !name.malformed.empty(); });
  const auto for_ever = std::ranges::count(state->names, LeaseId{0}, &PoolName::lease);
  const std::string is =
      fmt::format("{} of {} names taken, {} nodes wait", state->names.size(), pattern.limit(), state->queue.size());
  const auto warnings = limit_warnings(*state, pattern.limit());
  if (!warnings.empty())
    findings.push_back({Verdict::kWarn, name_of(pool), fmt::format("{}; {}", is, fmt::join(warnings, "; ")),
                        "give every node the same limit"});
  else if (broken > 0)
    findings.push_back({Verdict::kWarn, name_of(pool), fmt::format("{}; {} records cannot be read", is, broken),
                        "`idetcd ls` shows which; somebody else writes there"});
  else if (for_ever > 0)
    findings.push_back({Verdict::kWarn, name_of(pool), fmt::format("{}; {} of them without a lease", is, for_ever),
                        "they stay taken for ever; `idetcd release --force NAME` frees them"});
  else if (state->names.size() == pattern.limit())
    findings.push_back({Verdict::kWarn, name_of(pool), is + ": it is full",
                        "a new node fails, or waits with on-full wait; raise the limit on every node"});
  else
    findings.push_back({Verdict::kOk, name_of(pool), is});
}

}  // namespace idetcd::tool
