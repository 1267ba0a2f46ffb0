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

TEST_CASE("ready means records read and not too old, and every wanted name held once") {
  std::vector<PoolStats> pools(2);
  pools[0].pool = "w.";
  pools[1].pool = "p.";
  pools[1].claims = false;
  const auto ready = [&](std::optional<std::chrono::seconds> max_stale = {}) {
    return readiness_of(pools, max_stale).ready;
  };
  CHECK(readiness_of(pools, {}).text ==
        "NOT READY\nnot ready: w.: records not read yet\nnot ready: w.: no name yet\n"
        "not ready: p.: records not read yet\n");
  for (PoolStats& pool : pools) {
    pool.etcd_live = true;
    pool.etcd_revision = 7;
  }
  CHECK_FALSE(ready());
  pools[0].claim_held = true;
  pools[0].claims_total = 1;
  pools[0].claim_slot = 4;
  CHECK(readiness_of(pools, {}).text ==
        "READY\nok: w.: records read\nok: w.: records current\nok: w.: name held (slot 4)\n"
        "ok: p.: records read\nok: p.: records current\n");
  pools[0].claim_held = false;
  pools[1].etcd_live = false;
  pools[1].etcd_behind_seconds = 11;
  CHECK(ready());
  CHECK(ready(std::chrono::seconds(12)));
  CHECK_FALSE(ready(std::chrono::seconds(10)));
}

TEST_CASE("max-stale 0 means that only current records are served") {
  std::vector<PoolStats> pools(1);
  pools[0].etcd_revision = 7;
  pools[0].etcd_live = true;
  CHECK(freshness_of(pools, std::chrono::seconds(0)) == Freshness::kLive);
  pools[0].etcd_live = false;
  CHECK(freshness_of(pools, std::chrono::seconds(0)) == Freshness::kExpired);
}
