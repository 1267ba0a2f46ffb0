#include "stats.h"

#include <idetcd/version.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <sstream>
#include <utility>
#include <vector>

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

const char* rcode_name(std::size_t rcode) {
  switch (static_cast<Rcode>(rcode)) {
    case Rcode::kNoError: return "NOERROR";
    case Rcode::kFormErr: return "FORMERR";
    case Rcode::kServFail: return "SERVFAIL";
    case Rcode::kNxDomain: return "NXDOMAIN";
    case Rcode::kNotImp: return "NOTIMP";
    case Rcode::kRefused: return "REFUSED";
    case Rcode::kBadVers: return "BADVERS";
    case Rcode::kBadCookie: return "BADCOOKIE";
  }
  return nullptr;
}

void add_dns(Families& families, const DnsServerTotals& dns) {
  using Member = std::uint64_t CounterTotals::*;
  const auto both = [&](const char* name, const char* help, Member member) {
    families.add(name, help, MetricType::Counter, static_cast<double>(dns.udp.*member), {{"transport", "udp"}});
    families.add(name, help, MetricType::Counter, static_cast<double>(dns.tcp.queries.*member), {{"transport", "tcp"}});
  };
  both("idetcd_dns_queries_total", "Requests received.", &CounterTotals::queries);
  both("idetcd_dns_dropped_total", "Requests not answered.", &CounterTotals::dropped);
  both("idetcd_dns_truncated_total", "Answers with TC.", &CounterTotals::truncated);
  both("idetcd_dns_malformed_total", "Requests that are no DNS messages.", &CounterTotals::malformed);
  for (const auto& [transport, totals] : {std::pair{"udp", &dns.udp}, std::pair{"tcp", &dns.tcp.queries}}) {
    for (std::size_t rcode = 0; rcode < kRcodes; ++rcode) {
      if (const char* name = rcode_name(rcode)) {
        families.add("idetcd_dns_answers_total", "Answers by response code.", MetricType::Counter,
                     static_cast<double>(totals->answers[rcode]), {{"transport", transport}, {"rcode", name}});
      }
    }
  }
  families.add("idetcd_dns_tcp_accepted_total", "TCP connections accepted.", MetricType::Counter, dns.tcp.accepted);
  families.add("idetcd_dns_tcp_open", "TCP connections open now.", MetricType::Gauge, dns.tcp.open);
  families.add("idetcd_dns_tcp_shed_total", "TCP connections closed to make room.", MetricType::Counter, dns.tcp.shed);
  families.add("idetcd_dns_tcp_timed_out_total", "TCP connections closed for idling.", MetricType::Counter,
               dns.tcp.timed_out);
}

void add_zone(Families& families, const Stats& stats) {
  constexpr auto kGauge = MetricType::Gauge;
  families.add("idetcd_zone_names", "Names that have records.", kGauge, stats.zone.names);
  families.add("idetcd_pool_members", "Slots that are taken.", kGauge, stats.zone.members);
  families.add("idetcd_zone_over_limit", "Records left out of RRsets that are full.", kGauge, stats.zone.over_limit);
  families.add("idetcd_zone_unencodable", "Records that DNS can not carry.", kGauge, stats.zone.unencodable);
  families.add("idetcd_records_malformed", "Keys in etcd that hold no readable record.", kGauge,
               stats.malformed_records);
  families.add("idetcd_etcd_live", "1: the records are etcd's present ones.", kGauge, std::uint64_t{stats.etcd_live});
  families.add("idetcd_etcd_behind_seconds", "How long the records have not been known to be whole.", kGauge,
               stats.etcd_behind_seconds, {});
  families.add("idetcd_etcd_revision", "etcd's revision as of the records.", kGauge,
               static_cast<double>(stats.etcd_revision), {});
}

void add_claim(Families& families, const Stats& stats) {
  families.add("idetcd_claim_held", "1: this node owns a name.", MetricType::Gauge, std::uint64_t{stats.claim_held});
  families.add("idetcd_claim_slot", "The slot of the last claim.", MetricType::Gauge, std::uint64_t{stats.claim_slot});
  families.add("idetcd_claims_total", "Times that a name was taken or regained.", MetricType::Counter,
               stats.claims_total);
  families.add("idetcd_claim_losses_total", "Times that the name was lost.", MetricType::Counter,
               stats.claim_losses_total);
}

}  // namespace

std::string to_prometheus(const Stats& stats) {
  Families families;
  families.add("idetcd_build_info", "The version, as a label.", MetricType::Gauge, 1.0, {{"version", IDETCD_VERSION}});
  add_dns(families, stats.dns);
  add_zone(families, stats);
  add_claim(families, stats);
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, families.all());
  return std::move(text).str();
}

bool is_ready(const Stats& stats) {
  return stats.etcd_revision > 0 && (!stats.claims || stats.claim_held);
}

}  // namespace idetcd::resolver
