// claim_idle: what holding N claims costs when nothing happens.
//
//   claim_idle [--claims 1,1000] [--seconds 20] [--ttl 20]
//
// One process, one connection, an etcd of its own. Prints a JSON line for each N:
// threads, resident memory, CPU time and keep-alives per second, and by how much
// etcd's count of raft proposals went up meanwhile (it must not).
#include <idetcd/idetcd.h>

#include "bench/etcd_metrics.h"
#include "support/counting_etcd.h"
#include "support/etcd_process.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <sys/resource.h>
#include <fstream>
#include <sstream>
#include <thread>

namespace idetcd::testing {
namespace {

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

long status_number(const std::string& field) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind(field + ":", 0) == 0) return std::atol(line.c_str() + field.size() + 1);
  }
  return -1;
}

nlohmann::json measure(int claims, int seconds, int ttl) {
  const EtcdProcess server;
  auto etcd = std::make_shared<CountingEtcd>(connect_for_test({server.endpoint()}));
  const auto pattern = *PatternTemplate::parse("worker{{.ID}}.tf.local.", static_cast<SlotId>(claims));
  ClaimOptions options;
  options.path = random_prefix();
  options.ttl = std::chrono::seconds(ttl);
  Record record;
  record.ipv4.push_back({127, 0, 0, 1});
  (void)etcd->range({.keys = KeyRange::one("warm")}, {});
  const long rss_before = status_number("VmRSS");
  std::vector<Claim> held;
  for (int i = 0; i < claims; ++i) {
    auto claim = SlotClaimer(etcd, pattern, options).claim(record);
    if (claim) held.push_back(std::move(*claim));
  }
  std::this_thread::sleep_for(std::chrono::seconds(1));
  const double cpu = cpu_seconds();
  const auto keep_alives = etcd->keep_alives();
  const double proposals = scrape(server.endpoint(), "etcd_server_proposals_committed_total");
  std::this_thread::sleep_for(std::chrono::seconds(seconds));
  const double proposals_after = scrape(server.endpoint(), "etcd_server_proposals_committed_total");
  std::size_t still = 0;
  for (const Claim& claim : held) still += claim.held();
  return {{"claims", held.size()},
          {"held_at_the_end", still},
          {"ttl_seconds", ttl},
          {"seconds", seconds},
          {"threads", status_number("Threads")},
          {"rss_kib", status_number("VmRSS")},
          {"rss_kib_more_than_without_claims", status_number("VmRSS") - rss_before},
          {"cpu_ms_per_second", (cpu_seconds() - cpu) * 1000 / seconds},
          {"keep_alives_per_second", static_cast<double>(etcd->keep_alives() - keep_alives) / seconds},
          {"raft_proposals", proposals_after - proposals}};
}

}  // namespace
}  // namespace idetcd::testing

int main(int argc, char** argv) {
  std::string claims = "1,1000";
  int seconds = 20;
  int ttl = 20;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (i + 1 < argc && option == "--claims") {
      claims = argv[++i];
    } else if (i + 1 < argc && option == "--seconds") {
      seconds = std::atoi(argv[++i]);
    } else if (i + 1 < argc && option == "--ttl") {
      ttl = std::atoi(argv[++i]);
    } else {
      fmt::print(stderr, "usage: claim_idle [--claims 1,1000] [--seconds 20] [--ttl 20]\n");
      return 64;
    }
  }
  std::stringstream list(claims);
  for (std::string item; std::getline(list, item, ',');) {
    fmt::print("{}\n", idetcd::testing::measure(std::atoi(item.c_str()), seconds, ttl).dump());
  }
  return 0;
}
