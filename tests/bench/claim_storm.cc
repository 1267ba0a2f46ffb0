// claim_storm: N claimants at once, in one process, over one connection, against an
// etcd of its own; five strategies in the same run.
//
//   claim_storm [--nodes 10,100,1000,4000] [--slow-until 1000] [--spread 1] [--rounds 1]
//               [--held 0] [--in-sequence] [--limit 0] [--only STRATEGY,...] [--shared-futexes] [--json]
//
// --spread S makes the limit S*N, --limit L makes it L. --held H has H slots, at random
// over the whole pool or the first H in sequence, taken by others before the start;
// "lowest" says whether the newcomers filled the lowest gaps. Where "floor" runs too,
// a line after each N says what multiple of it ours took, by the medians of the rounds.
// --shared-futexes leaves the kernel's table of futexes as it is for one
// process with thousands of threads (see use_global_futexes). The baselines are
// what others do: they are bench code, not the library's. Exit status 1 if ours ever gave one name twice.
#include <idetcd/idetcd.h>

#include "bench/claim_strategies.h"
#include "bench/etcd_metrics.h"
#include "support/etcd_process.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <sys/prctl.h>
#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <random>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

namespace idetcd::testing {
namespace {

using SteadyClock = std::chrono::steady_clock;

// --- measuring -------------------------------------------------------------------

double cpu_seconds_of(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string text((std::istreambuf_iterator<char>(file)), {});
  std::stringstream fields(text.substr(text.rfind(')') + 2));
  std::string field;
  double ticks = 0;
  for (int i = 3; i <= 15 && fields >> field; ++i) {
    if (i >= 14) ticks += std::stod(field);
  }
  return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

struct Traffic {  // in bytes, as etcd counts them
  double up = 0;
  double down = 0;
};

Traffic traffic_of(const EtcdProcess& server) {
  return {scrape(server.endpoint(), "etcd_network_client_grpc_received_bytes_total"),
          scrape(server.endpoint(), "etcd_network_client_grpc_sent_bytes_total")};
}

struct Round {
  std::string strategy;
  int nodes = 0;
  SlotId limit = 0;
  double mean = 0;
  std::uint64_t most = 0;
  std::size_t distinct = 0;
  int owners = 0;
  SlotId highest = 0;
  bool lowest = false;  // the owners' slots are the lowest that were free
  double seconds = 0;
  double client_cpu = 0;
  double etcd_cpu = 0;
  Traffic traffic;
};

enum class Held { kAtRandom, kInSequence };

std::set<SlotId> choose_slots(SlotId limit, int count, Held held) {
  std::minstd_rand random(1);
  std::set<SlotId> slots;
  for (SlotId next = 1; slots.size() < static_cast<std::size_t>(count); ++next) {
    slots.insert(held == Held::kInSequence ? next : static_cast<SlotId>(random() % limit + 1));
  }
  return slots;
}

// Takes the slots, each with a record of somebody else's.
void occupy(const Contest& contest, const std::set<SlotId>& slots) {
  constexpr std::size_t kAtOnce = 100;  // etcd takes 128 operations in one transaction
  Txn put;
  const auto flush = [&] {
    if (!put.success.empty()) (void)contest.etcd->txn(put, kPatient);
    put.success.clear();
  };
  for (const SlotId slot : slots) {
    put.success.emplace_back(PutRequest{contest.key(slot), "{}", 0});
    if (put.success.size() == kAtOnce) flush();
  }
  flush();
}

bool are_lowest_free(const std::set<SlotId>& owned, const std::set<SlotId>& held) {
  SlotId slot = 0;
  for (const SlotId one : owned) {
    do ++slot;
    while (held.contains(slot));
    if (one != slot) return false;
  }
  return true;
}

Round run(const EtcdProcess& server, const std::string& name, const Strategy& strategy, int nodes, SlotId limit,
          const std::set<SlotId>& held) {
  Contest contest{connect_for_test({server.endpoint()}), *PatternTemplate::parse("worker{{.ID}}.tf.local.", limit),
                  random_prefix()};
  (void)contest.etcd->range({.keys = KeyRange::one("warm")}, kPatient);
  occupy(contest, held);
  std::vector<std::unique_ptr<CountingEtcd>> counters;
  for (int i = 0; i < nodes; ++i) counters.push_back(std::make_unique<CountingEtcd>(contest.etcd));
  std::vector<Claimed> results(static_cast<std::size_t>(nodes));

  std::atomic<bool> go{false};
  std::atomic<int> ready{0};
  std::atomic<SteadyClock::rep> last{0};
  std::vector<std::jthread> threads;
  for (int i = 0; i < nodes; ++i) {
    threads.emplace_back([&, i] {
      ready.fetch_add(1);
      go.wait(false);
      const auto index = static_cast<std::size_t>(i);
      results[index] = strategy(contest, *counters[index], i);
      const auto now = SteadyClock::now().time_since_epoch().count();
      for (auto seen = last.load(); seen < now && !last.compare_exchange_weak(seen, now);) {
      }
    });
  }
  while (ready.load() < nodes) std::this_thread::yield();

  const double client_before = cpu_seconds_of(::getpid());
  const double etcd_before = cpu_seconds_of(server.pid());
  const Traffic before = traffic_of(server);
  const auto start = SteadyClock::now();
  go = true;
  go.notify_all();
  threads.clear();

  Round round;
  round.strategy = name;
  round.nodes = nodes;
  round.limit = limit;
  round.client_cpu = cpu_seconds_of(::getpid()) - client_before;
  round.etcd_cpu = cpu_seconds_of(server.pid()) - etcd_before;
  const Traffic after = traffic_of(server);
  round.traffic = {after.up - before.up, after.down - before.down};
  round.seconds =
      std::chrono::duration<double>(SteadyClock::time_point(SteadyClock::duration(last.load())) - start).count();
  std::set<SlotId> distinct;
  std::uint64_t total = 0;
  for (const Claimed& one : results) {
    total += one.requests;
    round.most = std::max(round.most, one.requests);
    if (one.slot == 0) continue;
    ++round.owners;
    distinct.insert(one.slot);
  }
  round.mean = static_cast<double>(total) / nodes;
  round.distinct = distinct.size();
  round.highest = distinct.empty() ? 0 : *distinct.rbegin();
  round.lowest = are_lowest_free(distinct, held);
  return round;
}

nlohmann::json to_json(const Round& round) {
  return {{"strategy", round.strategy},
          {"nodes", round.nodes},
          {"limit", round.limit},
          {"requests_mean", round.mean},
          {"requests_max", round.most},
          {"owners", round.owners},
          {"distinct", round.distinct},
          {"highest", round.highest},
          {"lowest", round.lowest},
          {"seconds", round.seconds},
          {"client_cpu_seconds", round.client_cpu},
          {"etcd_cpu_seconds", round.etcd_cpu},
          {"bytes_up", round.traffic.up},
          {"bytes_down", round.traffic.down}};
}

void print_row(const Round& round) {
  fmt::print("{:<18} {:>6} {:>7} {:>8.2f} {:>6} {:>7} {:>8} {:>8} {:>6} {:>9.3f} {:>8.2f} {:>8.2f} {:>9.1f} {:>9.1f}\n",
             round.strategy, round.nodes, round.limit, round.mean, round.most, round.owners, round.distinct,
             round.highest, round.lowest ? "yes" : "no", round.seconds, round.client_cpu, round.etcd_cpu,
             round.traffic.up / 1024, round.traffic.down / 1024);
  std::fflush(stdout);
}

struct Arguments {
  std::vector<int> nodes{10, 100, 1000, 4000};
  int slow_until = 1000;
  SlotId spread = 1;
  SlotId limit = 0;  // 0: by spread
  int held = 0;
  Held how_held = Held::kAtRandom;
  int rounds = 1;
  bool json = false;
  bool shared_futexes = false;
  std::set<std::string> only;  // empty: all
};

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--json") {
      arguments.json = true;
    } else if (option == "--shared-futexes") {
      arguments.shared_futexes = true;
    } else if (option == "--in-sequence") {
      arguments.how_held = Held::kInSequence;
    } else if (i + 1 < argc && option == "--nodes") {
      arguments.nodes.clear();
      std::stringstream list(argv[++i]);
      for (std::string item; std::getline(list, item, ',');) arguments.nodes.push_back(std::atoi(item.c_str()));
    } else if (i + 1 < argc && option == "--slow-until") {
      arguments.slow_until = std::atoi(argv[++i]);
    } else if (i + 1 < argc && option == "--spread") {
      arguments.spread = static_cast<SlotId>(std::atoi(argv[++i]));
    } else if (i + 1 < argc && option == "--limit") {
      arguments.limit = static_cast<SlotId>(std::atoi(argv[++i]));
    } else if (i + 1 < argc && option == "--held") {
      arguments.held = std::atoi(argv[++i]);
    } else if (i + 1 < argc && option == "--rounds") {
      arguments.rounds = std::atoi(argv[++i]);
    } else if (i + 1 < argc && option == "--only") {
      std::stringstream list(argv[++i]);
      for (std::string item; std::getline(list, item, ',');) arguments.only.insert(item);
    } else {
      fmt::print(
          stderr,
          "usage: claim_storm [--nodes 10,100,1000,4000] [--slow-until 1000] [--spread 1] [--limit 0] [--held 0] "
          "[--in-sequence] [--rounds 1] [--only STRATEGY,...] [--shared-futexes] [--json]\n");
      std::exit(option == "--help" ? 0 : 64);
    }
  }
  return arguments;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

// Of the rounds with one number of nodes.
void print_multiples(const std::vector<Round>& rounds) {
  const auto median_of = [&](const char* strategy, double Round::*number) {
    std::vector<double> values;
    for (const Round& round : rounds) {
      if (round.strategy == strategy) values.push_back(round.*number);
    }
    return median(std::move(values));
  };
  const double floor_seconds = median_of("floor", &Round::seconds);
  const double ours_seconds = median_of("ours", &Round::seconds);
  if (floor_seconds == 0 || ours_seconds == 0) return;
  fmt::print("ours is {:.2f} times the floor in time, {:.2f} times in etcd's CPU\n", ours_seconds / floor_seconds,
             median_of("ours", &Round::etcd_cpu) / std::max(median_of("floor", &Round::etcd_cpu), 0.01));
}

int storm(const Arguments& arguments) {
  const auto strategies = all_strategies();
  nlohmann::json rows = nlohmann::json::array();
  if (!arguments.json) {
    fmt::print("{:<18} {:>6} {:>7} {:>8} {:>6} {:>7} {:>8} {:>8} {:>6} {:>9} {:>8} {:>8} {:>9} {:>9}\n", "strategy",
               "nodes", "limit", "req/node", "max", "owners", "distinct", "highest", "lowest", "last s", "client s",
               "etcd s", "up KiB", "down KiB");
  }
  bool collided = false;
  for (const int nodes : arguments.nodes) {
    const SlotId limit = arguments.limit != 0 ? arguments.limit : static_cast<SlotId>(nodes) * arguments.spread;
    if (static_cast<SlotId>(arguments.held) > limit) {
      fmt::print(stderr, "claim_storm: {} slots cannot be held of {}; raise --limit or --spread\n", arguments.held,
                 limit);
      return 64;
    }
    const std::set<SlotId> held = choose_slots(limit, arguments.held, arguments.how_held);
    std::vector<Round> rounds;
    for (const auto& [name, strategy] : strategies) {
      if (!arguments.only.empty() && !arguments.only.contains(name)) continue;
      if (name != "ours" && name != "floor" && nodes > arguments.slow_until) continue;
      for (int i = 0; i < arguments.rounds; ++i) {
        const EtcdProcess server;  // a fresh one each: nobody pays for another's history
        rounds.push_back(run(server, name, strategy, nodes, limit, held));
        const Round& round = rounds.back();
        if (name == "ours") collided |= round.distinct != static_cast<std::size_t>(nodes);
        if (arguments.json) {
          rows.push_back(to_json(round));
        } else {
          print_row(round);
        }
      }
    }
    if (!arguments.json) print_multiples(rounds);
  }
  if (arguments.json) fmt::print("{}\n", rows.dump(2));
  return collided ? 1 : 0;
}

// Every thread here stands for a process, which would have futexes of its own; in one
// process of a Linux since 6.16 they share a table sized for the cores, and a wake-up
// walks past hundreds of the others' sleepers. 0: the system's table instead.
void use_global_futexes() {
  constexpr int kFutexHash = 78;  // PR_FUTEX_HASH
  constexpr int kSetSlots = 1;    // PR_FUTEX_HASH_SET_SLOTS
  (void)::prctl(kFutexHash, kSetSlots, 0, 0, 0);
}

}  // namespace
}  // namespace idetcd::testing

int main(int argc, char** argv) {
  const auto arguments = idetcd::testing::parse(argc, argv);
  if (!arguments.shared_futexes) idetcd::testing::use_global_futexes();
  return idetcd::testing::storm(arguments);
}
