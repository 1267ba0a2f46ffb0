// update_cost: what one changed record costs, encoded, committed and published, in
// zones of several sizes, while a reader holds the version before.
//
//   update_cost [UPDATES=20000]
#include <idetcd/snapshot.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include "synthetic_zone.h"

using namespace idetcd;
using namespace idetcd::resolver;

namespace {

using Clock = std::chrono::steady_clock;

struct Cost {
  double mean = 0;  // microseconds
  double median = 0;
  double p99 = 0;
};

Cost measure(SlotId names, bool with_ports, std::size_t updates) {
  ZoneBuilder builder = bench::synthetic_zone(names, with_ports);
  Snapshot<ZoneSet> zones(builder.commit(1));
  Snapshot<ZoneSet>::Reader reader(zones);
  std::mt19937 random(1);
  std::vector<double> times;
  times.reserve(updates);
  for (std::size_t i = 0; i < updates; ++i) {
    NamedRecord record = bench::synthetic_record(1 + static_cast<SlotId>(random() % names));
    record.token += i;
    record.record.ipv4[0][0] = 11;
    if (with_ports) record.record.ports["grpc"] = static_cast<std::uint16_t>(2000 + i % 1000);
    const auto begin = Clock::now();
    builder.set(0, record.slot, &record);
    zones.publish(builder.commit(static_cast<std::uint32_t>(i + 2)));
    times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
    reader.current();
  }
  double sum = 0;
  for (const double time : times) sum += time;
  std::sort(times.begin(), times.end());
  return {sum / static_cast<double>(updates), times[updates / 2], times[updates * 99 / 100]};
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t updates = argc > 1 ? static_cast<std::size_t>(std::atoll(argv[1])) : 20'000;
  std::printf("%-28s %10s %10s %10s\n", "one update (us)", "mean", "median", "p99");
  for (const bool with_ports : {false, true}) {
    for (const SlotId names : {1'000U, 10'000U, 100'000U, 1'000'000U}) {
      if (with_ports && names > 100'000) continue;
      const Cost cost = measure(names, with_ports, updates);
      std::printf("%8u names%-14s %10.2f %10.2f %10.2f\n", names, with_ports ? ", ports, pool" : "", cost.mean,
                  cost.median, cost.p99);
    }
  }
}
