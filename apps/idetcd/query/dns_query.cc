#include "query/dns_query.h"

#include <fmt/format.h>
#include <ldns/ldns.h>
#include <sys/time.h>

#include <cstdlib>
#include <memory>

namespace idetcd::tool {
namespace {

template <auto kFree>
struct Free {
  template <class T>
  void operator()(T* value) const {
    kFree(value);
  }
};

using Rdf = std::unique_ptr<ldns_rdf, Free<ldns_rdf_deep_free>>;
using Resolver = std::unique_ptr<ldns_resolver, Free<ldns_resolver_deep_free>>;
using Packet = std::unique_ptr<ldns_pkt, Free<ldns_pkt_free>>;
using Text = std::unique_ptr<char, Free<std::free>>;

Resolver make_resolver(const DnsQuery& query) {
  const auto family = query.server.find(':') == std::string::npos ? LDNS_RDF_TYPE_A : LDNS_RDF_TYPE_AAAA;
  const Rdf server(ldns_rdf_new_frm_str(family, query.server.c_str()));
  Resolver resolver(ldns_resolver_new());
  if (!server || !resolver || ldns_resolver_push_nameserver(resolver.get(), server.get()) != LDNS_STATUS_OK) return {};
  ldns_resolver_set_port(resolver.get(), query.port);
  ldns_resolver_set_timeout(resolver.get(), timeval{1, 0});
  ldns_resolver_set_retry(resolver.get(), 1);
  return resolver;
}

DnsReply read_reply(const ldns_pkt& packet, ldns_rr_type type) {
  DnsReply reply;
  const Text rcode(ldns_pkt_rcode2str(ldns_pkt_get_rcode(&packet)));
  reply.rcode = rcode ? rcode.get() : "?";
  const ldns_rr_list* answers = ldns_pkt_answer(&packet);
  for (std::size_t at = 0; at < ldns_rr_list_rr_count(answers); ++at) {
    const ldns_rr* record = ldns_rr_list_rr(answers, at);
    if (ldns_rr_get_type(record) != type) continue;
    const Text address(ldns_rdf2str(ldns_rr_rdf(record, 0)));
    if (reply.addresses.empty()) reply.ttl = ldns_rr_ttl(record);
    reply.addresses.emplace_back(address ? address.get() : "?");
  }
  return reply;
}

}  // namespace

Result<DnsReply> ask(const DnsQuery& query) {
  const auto no_answer = [&query] {
    return Error{ErrorCode::kUnavailable, fmt::format("no answer from {} port {}", query.server, query.port)};
  };
  const Rdf name(ldns_dname_new_frm_str(query.name.c_str()));
  const Resolver resolver = make_resolver(query);
  if (!name || !resolver)
    return Error{ErrorCode::kInvalidArgument, fmt::format("\"{}\" is not a domain name", query.name)};
  const ldns_rr_type type = query.type == QueryType::kA ? LDNS_RR_TYPE_A : LDNS_RR_TYPE_AAAA;
  ldns_pkt* raw = nullptr;
  if (ldns_resolver_query_status(&raw, resolver.get(), name.get(), type, LDNS_RR_CLASS_IN, 0) != LDNS_STATUS_OK) {
    return no_answer();
  }
  const Packet packet(raw);
  if (!packet) return no_answer();
  return read_reply(*packet, type);
}

}  // namespace idetcd::tool
