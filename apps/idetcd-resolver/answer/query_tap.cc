#include "answer/query_tap.h"

#include <algorithm>

#include "wire/wire_name.h"

namespace idetcd::resolver {

QueryTap::QueryTap(std::span<const app::QueryLogRule> rules) {
  for (const app::QueryLogRule& rule : rules)
    rules_.push_back({to_wire(rule.zone).value_or(Bytes{std::byte{0}}), rule.success, rule.denial, rule.error});
}

QueryRing& QueryTap::add_ring() {
  const std::lock_guard lock(mutex_);
  return *rings_.emplace_back(std::make_unique<QueryRing>());
}

std::vector<QueryRing*> QueryTap::rings() const {
  const std::lock_guard lock(mutex_);
  std::vector<QueryRing*> all;
  for (const auto& ring : rings_) all.push_back(ring.get());
  return all;
}

// CoreDNS' classes: denial is NXDOMAIN and NODATA with their SOA.
bool QueryTap::Rule::wants(const ReadRequest& request, const Reply& reply,
                           std::span<const std::byte> bytes) const noexcept {
  if (reply.size < kHeaderSize) return error;
  if (request.question.type == kTypeAxfr || request.question.type == kTypeIxfr) return success;
  const unsigned answers = load16(bytes.data() + 6);
  const unsigned authorities = load16(bytes.data() + 8);
  if (reply.rcode == Rcode::kNxDomain) return authorities != 0 ? denial : error;
  if (reply.rcode != Rcode::kNoError) return error;
  return answers == 0 && authorities != 0 ? denial : success;
}

void QueryTap::note(QueryRing& ring, const RequestContext& context, std::size_t request_size,
                    const ReadRequest& request, const Reply& reply, std::span<const std::byte> bytes,
                    std::chrono::nanoseconds duration) const noexcept {
  if (request.verdict != Verdict::kQuestion) return;
  const Question& question = request.question;
  const auto rule =
      std::ranges::find_if(rules_, [&](const Rule& each) { return lies_in(question.wire_name(), each.zone); });
  if (rule == rules_.end() || !rule->wants(request, reply, bytes)) return;
  QueryEntry* const entry = ring.next();
  if (entry == nullptr) return;
  entry->rule = static_cast<std::size_t>(rule - rules_.begin());
  entry->client = context.address;
  entry->port = context.port;
  entry->transport = context.transport;
  entry->id = load16(bytes.data());  // the reply has it at the same place, and the request if there is none
  entry->type = question.type;
  entry->qclass = question.qclass;
  entry->dnssec_ok = question.edns.present && question.edns.dnssec_ok;
  const std::uint16_t plain = context.transport == Transport::kTcp ? 65535 : 512;
  entry->bufsize = question.edns.present ? std::max(question.edns.payload, plain) : plain;
  entry->size = request_size;
  entry->reply_size = reply.size;
  entry->rcode = reply.rcode;
  entry->flags = {std::to_integer<std::uint8_t>(bytes[2]), std::to_integer<std::uint8_t>(bytes[3])};
  entry->duration = duration;
  entry->name_size = question.name_size;
  std::copy_n(question.name.begin(), question.name_size, entry->name.begin());
  ring.commit();
}

}  // namespace idetcd::resolver
