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
  stats.zone.members = 5;
  stats.malformed_records = 1;
  stats.etcd_revision = 9'007'199;
  stats.etcd_live = true;
  stats.claim_held = true;
  stats.claim_slot = 3;
  const std::string text = to_prometheus(stats);
  CHECK(has_line(text, "idetcd_dns_queries_total{transport=\"udp\"} 7"));
  CHECK(has_line(text, "idetcd_dns_answers_total{transport=\"udp\",rcode=\"NXDOMAIN\"} 2"));
  CHECK(has_line(text, "idetcd_dns_tcp_open 4"));
  CHECK(has_line(text, "idetcd_pool_members 5"));
  CHECK(has_line(text, "idetcd_records_malformed 1"));
  CHECK(has_line(text, "idetcd_etcd_revision 9007199"));
  CHECK(has_line(text, "idetcd_etcd_live 1"));
  CHECK(has_line(text, "idetcd_claim_held 1"));
  CHECK(has_line(text, "# TYPE idetcd_dns_queries_total counter"));
  CHECK(text.find("# TYPE idetcd_dns_answers_total counter") == text.rfind("# TYPE idetcd_dns_answers_total counter"));
}

TEST_CASE("ready means read, and held where a name is wanted") {
  Stats stats;
  CHECK_FALSE(is_ready(stats));
  stats.etcd_revision = 5;
  CHECK_FALSE(is_ready(stats));
  stats.claim_held = true;
  CHECK(is_ready(stats));
  stats.claim_held = false;
  stats.claims = false;
  CHECK(is_ready(stats));
}
