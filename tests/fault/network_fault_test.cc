// Every kind of fault once, on three members. The long form: fault_campaign.
#include <catch2/catch.hpp>

#include <cstdio>

#include "faults.h"

namespace idetcd::testing {
namespace {

using namespace std::chrono_literals;

constexpr auto kTtl = 5s;

// Who was confirmed just before the next renewal was due, and then half a second before the
// lease would have ended.
constexpr auto kConfirmed = kTtl - 500ms - std::chrono::milliseconds(kTtl) / 4;

// A third of a lease's time at most until the next keep-alive is answered, and what a loaded
// machine adds.
constexpr auto kMaxShared = 2500ms;

// A watch on a member that hangs notices within a fifth of that and half a second (prove_every);
// until a new one answers as long again, on a loaded machine. While etcd confirms nothing to
// anybody it also tells nobody what it confirmed just before: that time is added.
constexpr auto kMaxBehind = 4000ms;

}  // namespace

TEST_CASE("faults of a cluster cost nobody a name that etcd could have confirmed", "[fault]") {
  if (!CutNetwork::possible()) {
    WARN("not root, or no network namespaces here: left out");
    return;
  }
  FaultyCluster world(20, 3, kTtl);
  for (const Fault& fault : all_faults()) {
    const Outcome outcome = world.run(fault);
    std::printf("%s\n", in_one_line(fault, outcome).c_str());
    std::fflush(stdout);
    INFO(fault.name);
    if (!fault.may_lose) CHECK(outcome.taken == 0);
    if (!fault.may_lose && outcome.gap < kConfirmed) CHECK(outcome.losses == 0);
    CHECK(outcome.shared <= (fault.old_may_share ? kMaxShared : 0ms));
    CHECK(outcome.seen.failed == 0);
    if (!fault.cuts_clients) CHECK(outcome.seen.worst < kMaxBehind + outcome.gap);
  }
}

}  // namespace idetcd::testing
