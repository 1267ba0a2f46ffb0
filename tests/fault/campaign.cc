// The faults of network_fault_test.cc and longer cuts, all of them in a random order and again,
// for as long as you like, and a table of what they did.
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <map>
#include <random>
#include <stdexcept>
#include <string_view>

#include "faults.h"

namespace {

using namespace std::chrono_literals;
using idetcd::testing::Fault;
using idetcd::testing::FaultyCluster;
using idetcd::testing::Outcome;

struct Sum {
  int rounds = 0;
  int losses = 0;
  int taken = 0;
  int needless = 0;
  Outcome worst;

  void add(const Outcome& outcome, bool confirmable) {
    ++rounds;
    losses += outcome.losses;
    taken += outcome.taken;
    if (confirmable) needless += outcome.losses;
    worst.gap = std::max(worst.gap, outcome.gap);
    worst.shared = std::max(worst.shared, outcome.shared);
    worst.heal = std::max(worst.heal, outcome.heal);
    worst.seen.worst = std::max(worst.seen.worst, outcome.seen.worst);
    worst.seen.failed += outcome.seen.failed;
    worst.seen.queries += outcome.seen.queries;
  }
};

long ms(std::chrono::milliseconds time) {
  return static_cast<long>(time.count());
}

void print(const std::map<std::string, Sum>& sums) {
  std::printf("\n%-75s %6s %6s %6s %8s %7s %7s %7s %7s %s\n", "fault", "rounds", "losses", "taken", "needless", "gap",
              "shared", "healed", "behind", "failed queries");
  for (const auto& [name, sum] : sums) {
    std::printf("%-75s %6d %6d %6d %8d %7ld %7ld %7ld %7ld %ld of %ld\n", name.c_str(), sum.rounds, sum.losses,
                sum.taken, sum.needless, ms(sum.worst.gap), ms(sum.worst.shared), ms(sum.worst.heal),
                ms(sum.worst.seen.worst), sum.worst.seen.failed, sum.worst.seen.queries);
  }
  std::printf(
      "losses: names let go, unconfirmed; taken: etcd ended the lease; needless: losses when etcd would have\n"
      "confirmed in time. Longest, in ms: gap, without\n"
      "an answer from etcd to anybody; shared, one name held by two; healed, after the fault until all was as\n"
      "before; behind, of a DNS answer behind what etcd had confirmed.\n");
}

int campaign(std::chrono::seconds time, std::chrono::seconds ttl, std::size_t slots, std::string_view only) {
  auto faults = idetcd::testing::all_faults();
  for (auto& cut : idetcd::testing::long_cuts()) faults.push_back(std::move(cut));
  std::erase_if(faults, [&](const Fault& fault) { return fault.name.find(only) == std::string::npos; });
  if (faults.empty()) throw std::runtime_error("no fault has \"" + std::string(only) + "\" in its name");
  FaultyCluster world(slots, 3, ttl);
  std::mt19937 random(std::random_device{}());
  std::map<std::string, Sum> sums;
  bool good = true;
  const auto until = std::chrono::steady_clock::now() + time;
  for (std::size_t next = 0; std::chrono::steady_clock::now() < until; ++next) {
    if (next % faults.size() == 0) std::ranges::shuffle(faults, random);
    const Fault& fault = faults[next % faults.size()];
    const Outcome outcome = world.run(fault);
    const bool confirmable = !fault.may_lose && outcome.gap < ttl - 500ms - std::chrono::milliseconds(ttl) / 4;
    sums[fault.name].add(outcome, confirmable);
    std::printf("%s\n", idetcd::testing::in_one_line(fault, outcome).c_str());
    std::fflush(stdout);
    good = good && (outcome.shared == 0ms || fault.old_may_share) && !(confirmable && outcome.losses > 0);
  }
  print(sums);
  return good ? 0 : 1;
}

// The text behind `flag`; empty: there is none.
std::string_view text(int argc, char** argv, const char* flag) {
  for (int i = 1; i + 1 < argc; ++i) {
    if (std::strcmp(argv[i], flag) == 0) return argv[i + 1];
  }
  return {};
}

// The number behind `flag`, or `otherwise`; -1: it is none.
int number(int argc, char** argv, const char* flag, int otherwise) {
  const std::string_view given = text(argc, argv, flag);
  if (given.empty()) return otherwise;
  int value = -1;
  std::from_chars(given.data(), given.data() + given.size(), value);
  return value;
}

}  // namespace

int main(int argc, char** argv) {
  const int seconds = number(argc, argv, "--seconds", 1800);
  const int ttl = number(argc, argv, "--ttl", 5);
  const int slots = number(argc, argv, "--nodes", 20);
  if (seconds <= 0 || ttl < 2 || slots < 1 || slots > static_cast<int>(idetcd::testing::kMaxSlots)) {
    std::fprintf(stderr, "usage: fault_campaign [--seconds 1800] [--ttl 5] [--nodes 20] [--fault PART-OF-NAME]\n");
    return 64;
  }
  if (!idetcd::testing::CutNetwork::possible()) {
    std::fprintf(stderr, "fault_campaign: needs root, to make network namespaces\n");
    return 77;
  }
  try {
    return campaign(std::chrono::seconds(seconds), std::chrono::seconds(ttl), static_cast<std::size_t>(slots),
                    text(argc, argv, "--fault"));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fault_campaign: %s\n", error.what());
    return 1;
  }
}
