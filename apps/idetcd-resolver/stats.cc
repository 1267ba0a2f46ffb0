#include "stats.h"

#include <fmt/format.h>
#include <idetcd/version.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "wire/rcode_name.h"

namespace idetcd::resolver {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

class Families {
 public:
  void add(const char* name, const char* help, MetricType type, std::uint64_t value) {
    add(name, help, type, static_cast<double>(value), {});
  }

  // One more value of the family that was added last, if it has the same name.
  void add(const char* name, const char* help, MetricType type, double value, Labels labels) {
    if (all_.empty() || all_.back().name != name) all_.push_back({name, help, type, {}});
    ClientMetric metric;
    metric.label = std::move(labels);
    (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
    all_.back().metric.push_back(std::move(metric));
  }

  const std::vector<MetricFamily>& all() const { return all_; }

 private:
  std::vector<MetricFamily> all_;
};

void add_dns(Families& families, const DnsServerTotals& dns) {
  using Member = std::uint64_t CounterTotals::*;
  const auto both = [&](const char* name, const char* help, Member member) {
    families.add(name, help, MetricType::Counter, static_cast<double>(dns.udp.*member), {{"transport", "udp"}});
    families.add(name, help, MetricType::Counter, static_cast<double>(dns.tcp.queries.*member), {{"transport", "tcp"}});
  };
  both("idetcd_dns_queries_total", "Requests received.", &CounterTotals::queries);
  both("idetcd_dns_dropped_total", "Requests not answered.", &CounterTotals::dropped);
  both("idetcd_dns_truncated_total", "Answers with TC.", &CounterTotals::truncated);
  both("idetcd_dns_malformed_total", "Requests that are not DNS messages.", &CounterTotals::malformed);
  for (const auto& [transport, totals] : {std::pair{"udp", &dns.udp}, std::pair{"tcp", &dns.tcp.queries}}) {
    for (std::size_t rcode = 0; rcode < kRcodes; ++rcode) {
      if (const auto name = rcode_name(static_cast<Rcode>(rcode)); !name.empty()) {
        families.add("idetcd_dns_answers_total", "Answers by response code.", MetricType::Counter,
                     static_cast<double>(totals->answers[rcode]),
                     {{"transport", transport}, {"rcode", std::string(name)}});
      }
    }
  }
  families.add("idetcd_dns_tcp_accepted_total", "TCP connections accepted.", MetricType::Counter, dns.tcp.accepted);
  families.add("idetcd_dns_tcp_open", "Open TCP connections.", MetricType::Gauge, dns.tcp.open);
  families.add("idetcd_dns_tcp_shed_total", "TCP connections closed to make room.", MetricType::Counter, dns.tcp.shed);
  families.add("idetcd_dns_tcp_timed_out_total", "Idle TCP connections closed.", MetricType::Counter,
               dns.tcp.timed_out);
}

void add_forward(Families& families, const ForwardTotals& forward) {
  constexpr auto kCounter = MetricType::Counter;
  families.add("idetcd_forward_queries_total",
               "Queries sent on to upstreams, or answered from the cache of what they said.", kCounter,
               forward.queries);
  families.add("idetcd_forward_refused_total", "Queries refused because too many were under way.", kCounter,
               forward.refused);
  families.add("idetcd_forward_failed_total", "Queries that no upstream answered.", kCounter, forward.failed);
  families.add("idetcd_forward_in_flight", "Queries that wait for an upstream.", MetricType::Gauge, forward.in_flight);
}

void add_zone(Families& families, const ZoneTotals& zone) {
  constexpr auto kGauge = MetricType::Gauge;
  families.add("idetcd_zone_names", "Names that exist in the zones.", kGauge, zone.names);
  families.add("idetcd_zone_over_limit", "Records left out of RRsets that are full.", kGauge, zone.over_limit);
  families.add("idetcd_zone_unencodable", "Ports and texts of records that DNS cannot carry.", kGauge,
               zone.unencodable);
}

struct PoolFigure {
  const char* name;
  const char* help;
  MetricType type;
  double (*value)(const PoolStats&);
  bool of_claim = false;  // left out for a pool that is only served
};

constexpr PoolFigure kPoolFigures[] = {
    {"idetcd_pool_members", "Slots that are taken.", MetricType::Gauge,
     [](const PoolStats& pool) { return static_cast<double>(pool.members); }},
    {"idetcd_pool_limit", "Slots of the pool.", MetricType::Gauge,
     [](const PoolStats& pool) { return static_cast<double>(pool.limit); }},
    {"idetcd_records_malformed", "Keys in etcd whose record is malformed.", MetricType::Gauge,
     [](const PoolStats& pool) { return static_cast<double>(pool.malformed_records); }},
    {"idetcd_etcd_live", "1: the records are current.", MetricType::Gauge,
     [](const PoolStats& pool) { return pool.etcd_live ? 1.0 : 0.0; }},
    {"idetcd_etcd_behind_seconds", "Seconds since the records were last known to be current.", MetricType::Gauge,
     [](const PoolStats& pool) { return pool.etcd_behind_seconds; }},
    {"idetcd_etcd_revision", "etcd revision of the records.", MetricType::Gauge,
     [](const PoolStats& pool) { return static_cast<double>(pool.etcd_revision); }},
    {"idetcd_claim_held", "1: this node owns a name.", MetricType::Gauge,
     [](const PoolStats& pool) { return pool.claim_held ? 1.0 : 0.0; }, true},
    {"idetcd_claim_slot", "The slot of the last claim.", MetricType::Gauge,
     [](const PoolStats& pool) { return static_cast<double>(pool.claim_slot); }, true},
    {"idetcd_claim_queue_position", "Position in the queue for a name, 1 is next; 0: not waiting.", MetricType::Gauge,
     [](const PoolStats& pool) { return static_cast<double>(pool.queue_position); }, true},
    {"idetcd_claims_total", "Names claimed or reclaimed.", MetricType::Counter,
     [](const PoolStats& pool) { return static_cast<double>(pool.claims_total); }, true},
    {"idetcd_claim_losses_total", "Names lost.", MetricType::Counter,
     [](const PoolStats& pool) { return static_cast<double>(pool.claim_losses_total); }, true},
};

void add_pools(Families& families, const std::vector<PoolStats>& pools) {
  for (const PoolFigure& figure : kPoolFigures) {
    for (const PoolStats& pool : pools) {
      if (figure.of_claim && !pool.claims) continue;
      families.add(figure.name, figure.help, figure.type, figure.value(pool), {{"pool", pool.pool}});
    }
  }
}

std::string age_of_records(const PoolStats& pool, std::optional<std::chrono::seconds> max_stale) {
  if (pool.etcd_live) return "records current";
  return fmt::format(
      "etcd unreachable for {:.0f} s; {}", pool.etcd_behind_seconds,
      max_stale ? fmt::format("records served until max-stale, {} s", max_stale->count()) : "records served on");
}

std::string state_of_claim(const PoolStats& pool) {
  if (pool.claim_held) return fmt::format("name held (slot {})", pool.claim_slot);
  if (pool.claims_total > 0) return "name held before, and lost";
  if (pool.queue_position == 0) return "no name yet";
  return fmt::format("no name yet, at position {} of the queue", pool.queue_position);
}

}  // namespace

std::string to_prometheus(const Stats& stats) {
  Families families;
  families.add("idetcd_build_info", "The version, as a label.", MetricType::Gauge, 1.0, {{"version", IDETCD_VERSION}});
  add_dns(families, stats.dns);
  if (stats.forward) add_forward(families, *stats.forward);
  add_zone(families, stats.zone);
  add_pools(families, stats.pools);
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, families.all());
  return std::move(text).str();
}

Freshness freshness_of(std::span<const PoolStats> pools, std::optional<std::chrono::seconds> max_stale) {
  Freshness worst = Freshness::kLive;
  for (const PoolStats& pool : pools) {
    if (pool.etcd_live) continue;
    const bool expired =
        pool.etcd_revision == 0 || (max_stale && pool.etcd_behind_seconds >= static_cast<double>(max_stale->count()));
    worst = std::max(worst, expired ? Freshness::kExpired : Freshness::kStale);
  }
  return worst;
}

Readiness readiness_of(std::span<const PoolStats> pools, std::optional<std::chrono::seconds> max_stale) {
  Readiness readiness;
  std::string lines;
  for (const PoolStats& pool : pools) {
    const auto add = [&](bool ok, std::string_view fact) {
      lines += fmt::format("{}: {}: {}\n", ok ? "ok" : "not ready", pool.pool, fact);
      readiness.ready = readiness.ready && ok;
    };
    add(pool.etcd_revision != 0, pool.etcd_revision != 0 ? "records read" : "records not read yet");
    if (pool.etcd_revision != 0)
      add(freshness_of(std::span(&pool, 1), max_stale) != Freshness::kExpired, age_of_records(pool, max_stale));
    if (pool.claims) add(pool.claims_total > 0, state_of_claim(pool));
  }
  readiness.text = fmt::format("{}\n{}", readiness.ready ? "READY" : "NOT READY", lines);
  return readiness;
}

}  // namespace idetcd::resolver
