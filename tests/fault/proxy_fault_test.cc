// Claims through etcd's own grpc-proxy, which answers a keep-alive with what an earlier
// renewal of its own said.
#include <idetcd/idetcd.h>

#include <catch2/catch.hpp>

#include <algorithm>
#include <set>
#include <thread>

#include "common/system/child_process.h"
#include "support/etcd_process.h"
#include "support/etcd_steps.h"
#include "support/eventually.h"
#include "support/relay.h"

namespace idetcd::testing {
namespace {

using namespace std::chrono_literals;

constexpr auto kTtl = 6s;
constexpr SlotId kClaims = 100;

std::uint16_t port_of(const std::string& endpoint) {
  return static_cast<std::uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1)));
}

std::set<std::string> names_there(Etcd& etcd, const std::string& path) {
  RangeRequest request{KeyRange::prefix(path)};
  request.keys_only = true;
  const auto reply = etcd.range(request, {});
  std::set<std::string> names;
  REQUIRE(reply);
  for (const auto& kv : reply->kvs) names.insert(kv.key.substr(path.size()));
  return names;
}

}  // namespace

TEST_CASE("behind a proxy whose upstream is slow and then cut nobody believes in a name that is gone", "[fault]") {
  const EtcdProcess server;
  Relay relay(port_of(server.endpoint()));
  const std::string proxy_address = "127.0.0.1:" + std::to_string(free_port());
  app::ChildCommand command{
      .argv = {"etcd", "grpc-proxy", "start", "--endpoints=127.0.0.1:" + std::to_string(relay.port()),
               "--listen-addr=" + proxy_address},
      .environment = app::current_environment(),
      .dies_with_thread = true};
  const auto proxy = app::ChildProcess::start(command);
  REQUIRE(proxy);
  const auto direct = connect_for_test({server.endpoint()});
  const std::string path = random_prefix();
  const auto pattern = *PatternTemplate::parse("worker{{.ID}}.tf.local.", kClaims);
  const auto etcd = connect_for_test({"http://" + proxy_address});
  REQUIRE(eventually([&] { return etcd->range({KeyRange::one("a")}, {.timeout = 1s}).has_value(); }));

  std::vector<Claim> claims;
  for (SlotId i = 0; i < kClaims; ++i) {
    ClaimOptions options;
    options.path = path;
    options.ttl = kTtl;
    Record record;
    record.ipv4.push_back({127, 0, 0, 1});
    auto claim = SlotClaimer(etcd, pattern, options).claim(record);
    REQUIRE(claim);
    claims.push_back(std::move(*claim));
  }
  relay.delay_answers(1700ms);
  std::this_thread::sleep_for(kTtl + 1500ms);  // old answers are all there is
  CHECK(std::any_of(claims.begin(), claims.end(), [](const Claim& claim) { return claim.held(); }));
  relay.hold(true);

  std::set<std::string> wrong;
  REQUIRE(eventually([&] {
    const auto there = names_there(*direct, path);
    for (const Claim& claim : claims) {
      if (claim.held() && !there.contains(std::string(claim.name()))) wrong.insert(std::string(claim.name()));
    }
    return there.empty();
  }));
  CHECK(wrong.size() == 0);
  relay.delay_answers(0s);
  relay.hold(false);
}

}  // namespace idetcd::testing
