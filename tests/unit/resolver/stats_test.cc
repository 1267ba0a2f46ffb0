// What the daemon tells about itself.
#include <catch2/catch.hpp>

#include "idetcd-resolver/stats.h"

using namespace idetcd::resolver;

namespace {

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("every figure has its line") {
  Stats stats;
  stats.dns.udp.queries = 7;
  stats.dns.udp.answers[3] = 2;
  stats.dns.tcp.open = 4;
  stats.zone.names = 5;
  stats.pools.push_back({.pool = "worker{{.ID}}.tf.local.", .limit = 9, .members = 5, .malformed_records = 1});
  stats.pools.back().etcd_revision = 9'007'199;
  stats.pools.back().etcd_live = true;
  stats.pools.back().claim_held = true;
  stats.pools.back().claim_slot = 3;
  stats.pools.back().queue_position = 8;
  const std::string text = to_prometheus(stats);
  const std::string pool = "{pool=\"worker{{.ID}}.tf.local.\"}";
  CHECK(has_line(text, "idetcd_dns_queries_total{transport=\"udp\"} 7"));
  CHECK(has_line(text, "idetcd_dns_answers_total{transport=\"udp\",rcode=\"NXDOMAIN\"} 2"));
  CHECK(has_line(text, "idetcd_dns_tcp_open 4"));
  CHECK(has_line(text, "idetcd_zone_names 5"));
  CHECK(has_line(text, "idetcd_pool_members" + pool + " 5"));
  CHECK(has_line(text, "idetcd_pool_limit" + pool + " 9"));
  CHECK(has_line(text, "idetcd_records_malformed" + pool + " 1"));
  CHECK(has_line(text, "idetcd_etcd_revision" + pool + " 9007199"));
  CHECK(has_line(text, "idetcd_etcd_live" + pool + " 1"));
  CHECK(has_line(text, "idetcd_claim_held" + pool + " 1"));
  CHECK(has_line(text, "idetcd_claim_slot" + pool + " 3"));
  CHECK(has_line(text, "idetcd_claim_queue_position" + pool + " 8"));
  CHECK(has_line(text, "# TYPE idetcd_dns_queries_total counter"));
  CHECK(text.find("# TYPE idetcd_dns_answers_total counter") == text.rfind("# TYPE idetcd_dns_answers_total counter"));
}

TEST_CASE("each pool has its own figures, and one that is only served has none of a claim") {
  Stats stats;
  stats.pools.push_back({.pool = "w{{.ID}}.x.", .claim_slot = 1});
  stats.pools.push_back({.pool = "p{{printf \"%02d\" .ID}}.x.", .members = 2, .claims = false});
  const std::string text = to_prometheus(stats);
  CHECK(has_line(text, "idetcd_pool_members{pool=\"w{{.ID}}.x.\"} 0"));
  CHECK(has_line(text, "idetcd_pool_members{pool=\"p{{printf \\\"%02d\\\" .ID}}.x.\"} 2"));
  CHECK(has_line(text, "idetcd_claim_slot{pool=\"w{{.ID}}.x.\"} 1"));
  CHECK(text.find("idetcd_claim_slot{pool=\"p") == std::string::npos);
  CHECK(text.find("# TYPE idetcd_pool_members gauge") == text.rfind("# TYPE idetcd_pool_members gauge"));
}

TEST_CASE("the zone is as stale as its stalest pool") {
  std::vector<PoolStats> pools(2);
  CHECK(freshness_of(pools, std::nullopt) == Freshness::kExpired);
  pools[0].etcd_live = pools[1].etcd_live = true;
  pools[0].etcd_revision = pools[1].etcd_revision = 7;
  CHECK(freshness_of(pools, std::nullopt) == Freshness::kLive);
  pools[1].etcd_live = false;
  pools[1].etcd_behind_seconds = 11;
  CHECK(freshness_of(pools, std::nullopt) == Freshness::kStale);
  CHECK(freshness_of(pools, std::chrono::seconds(12)) == Freshness::kStale);
  CHECK(freshness_of(pools, std::chrono::seconds(10)) == Freshness::kExpired);
  CHECK(freshness_of(std::span(pools).first(1), std::chrono::seconds(10)) == Freshness::kLive);
}

TEST_CASE("ready means all records read and present, and every wanted name held") {
  Stats stats;
  stats.pools.resize(2);
  CHECK_FALSE(is_ready(stats));
  for (PoolStats& pool : stats.pools) pool.etcd_live = true;
  CHECK_FALSE(is_ready(stats));
  stats.pools[0].claim_held = true;
  CHECK_FALSE(is_ready(stats));
  stats.pools[1].claims = false;
  CHECK(is_ready(stats));
  stats.pools[1].etcd_live = false;
  CHECK_FALSE(is_ready(stats));
}
