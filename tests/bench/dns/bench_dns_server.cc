// bench_dns_server: serves N synthetic names through the resolver's DNS library, with
// no etcd behind them, until it is killed.
//
//   bench_dns_server PORT NAMES [WORKERS=1] [ADDRESS=127.0.0.1]
#include <idetcd/snapshot.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "idetcd-resolver/encode/zone_builder.h"
#include "idetcd-resolver/server/dns_server.h"
#include "synthetic_zone.h"

using namespace idetcd;
using namespace idetcd::resolver;

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: bench_dns_server PORT NAMES [WORKERS] [ADDRESS]\n");
    return 2;
  }
  const auto names = static_cast<SlotId>(std::atoi(argv[2]));
  const auto begin = std::chrono::steady_clock::now();
  ZoneBuilder builder = bench::synthetic_zone(names);
  const Snapshot<ZoneSet> zones(builder.commit(1));
  const std::chrono::duration<double> built = std::chrono::steady_clock::now() - begin;

  const Answerer answerer(zones, {});
  DnsServerOptions options;
  options.workers = argc > 3 ? static_cast<unsigned>(std::atoi(argv[3])) : 1;
  const std::string address = std::string(argc > 4 ? argv[4] : "127.0.0.1") + ":" + argv[1];
  options.listen.push_back(app::parse_listen_address(address).value());
  const auto server = DnsServer::start(options, answerer);
  if (!server) {
    std::fprintf(stderr, "%s\n", server.error().message.c_str());
    return 1;
  }
  std::printf("serving %u names on %s, built in %.2f s\n", names, address.c_str(), built.count());
  std::fflush(stdout);
  for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
}
