#include "answer/answer.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "answer/forwarder.h"
#include "answer/reply_writer.h"
#include "wire/question.h"

namespace idetcd::resolver {
namespace {

using Request = std::span<const std::byte>;

constexpr std::size_t kPlainUdpReply = 512;  // RFC 1035 4.2.1

std::size_t size_limit(const AnswerPolicy& policy, const RequestContext& context, const Edns& edns) noexcept {
  if (context.transport == Transport::kTcp) return kMaxTcpReply;
  if (!edns.present) return kPlainUdpReply;
  return std::clamp<std::size_t>(edns.payload, kPlainUdpReply, policy.max_udp);
}

bool admitted(const AnswerPolicy& policy, const Ipv6& address) noexcept {
  if (!policy.deny.empty() && policy.deny.contains(address)) return false;
  return policy.allow.empty() || policy.allow.contains(address);
}

// The SOA of a negative answer (RFC 2308 2).
void put_negative(ReplyWriter& out, const ZoneSet& zones, const Zone& zone, const Question& question) noexcept {
  out.authoritative();
  out.put_soa(Section::kAuthority, zone, question.name_size, zones.serial(), zone.negative_ttl);
}

void put_rrset(ReplyWriter& out, const Node& node, const Rrset& rrset, const RequestContext& context) noexcept {
  out.authoritative();
  const unsigned first = node.rotates() ? context.rotation % rrset.count : 0;
  if (!out.put_answer(node.records(rrset), rrset.count, first)) return out.truncate();
  if (rrset.extra_count != 0) out.put_additional(node.extras(rrset), rrset.extra_count);
}

// The name exists, the type does not: the apex has a SOA all the same.
void answer_without_rrset(ReplyWriter& out, const ZoneSet& zones, const Node& node, const Question& question) noexcept {
  const Zone* const zone = zones.enclosing(question.wire_name());
  if (zone == nullptr) return out.fail(Rcode::kServFail);  // a bug: every name lies in a zone
  if (question.type == kTypeSoa && zone->apex.size() == node.name().size()) {
    out.authoritative();
    out.put_soa(Section::kAnswer, *zone, question.name_size, zones.serial(), zone->ttl);
  } else {
    put_negative(out, zones, *zone, question);
  }
}

bool is_forwarded(const AnswerPolicy& policy, const Question& question) noexcept {
  return policy.forwarder != nullptr && policy.forwarder->covers(question.wire_name());
}

void answer_internet(ReplyWriter& out, const ZoneSet& zones, const AnswerPolicy& policy, const RequestContext& context,
                     const Question& question) noexcept {
  const Node* const node = zones.names().find(question.wire_name(), question.hash);
  if (zones.freshness() != Freshness::kLive) out.extended_error(ExtendedError::kStaleAnswer);
  if (node != nullptr) {
    if (const Rrset* const rrset = node->find(question.type)) return put_rrset(out, *node, *rrset, context);
    if (question.type == kTypeAny && !node->rrsets().empty())
      return put_rrset(out, *node, node->rrsets().front(), context);  // RFC 8482 4.1
  }
  if (question.type == kTypeAxfr || question.type == kTypeIxfr) return out.fail(Rcode::kRefused);
  if (node != nullptr) return answer_without_rrset(out, zones, *node, question);
  if (const Zone* const zone = zones.enclosing(question.wire_name())) {
    put_negative(out, zones, *zone, question);
    return out.fail(Rcode::kNxDomain);
  }
  if (is_forwarded(policy, question)) return out.hand_on(*policy.forwarder);
  if (policy.whoami) {
    out.authoritative();
    return out.put_client(context);
  }
  out.extended_error(ExtendedError::kNotAuthoritative);
  out.fail(Rcode::kRefused);
}

bool named(const Question& question, std::string_view wire) noexcept {
  return question.name_size == wire.size() && std::memcmp(question.name.data(), wire.data(), wire.size()) == 0;
}

void answer_authors(ReplyWriter& out, const AnswerPolicy& policy, const Question& question) noexcept {
  if (policy.authors.empty()) return out.fail(Rcode::kRefused);
  out.authoritative();
  if (question.type != kTypeTxt && question.type != kTypeAny) return;
  for (const std::string& author : policy.authors) out.put_chaos_text(author);
}

// The questions by which operators ask a server who it is (RFC 4892).
void answer_chaos(ReplyWriter& out, const AnswerPolicy& policy, const Question& question) noexcept {
  using namespace std::string_view_literals;
  if (named(question, "\7authors\4bind\0"sv)) return answer_authors(out, policy, question);
  const bool version = named(question, "\7version\4bind\0"sv) || named(question, "\7version\6server\0"sv);
  const bool id = named(question, "\2id\6server\0"sv) || named(question, "\10hostname\4bind\0"sv);
  const std::string& text = version ? policy.version : policy.id;
  if ((!version && !id) || text.empty()) return out.fail(Rcode::kRefused);
  out.authoritative();
  if (question.type == kTypeTxt || question.type == kTypeAny) out.put_chaos_text(text);
}

void answer_question(ReplyWriter& out, const ZoneSet& zones, const AnswerPolicy& policy, const RequestContext& context,
                     const Question& question) noexcept {
  if (question.qclass == kClassIn) {
    if (zones.freshness() != Freshness::kExpired) return answer_internet(out, zones, policy, context, question);
    // Other names do not depend on our etcd.
    const bool ours = zones.enclosing(question.wire_name()) != nullptr;
    if (!ours && is_forwarded(policy, question)) return out.hand_on(*policy.forwarder);
    out.extended_error(ExtendedError::kNoReachableAuthority);
    return out.fail(Rcode::kServFail);
  }
  if (question.qclass == kClassCh) return answer_chaos(out, policy, question);
  out.fail(Rcode::kRefused);
}

// Of a request that is not a question to be looked up.
void fail_unreadable(ReplyWriter& out, Verdict verdict) noexcept {
  if (verdict == Verdict::kNotImp) out.fail(Rcode::kNotImp);
  if (verdict == Verdict::kFormErr) out.fail(Rcode::kFormErr);
  if (verdict == Verdict::kBadVers) out.fail(Rcode::kBadVers);
}

void refuse_with(ReplyWriter& out, ExtendedError error) noexcept {
  out.extended_error(error);
  out.fail(Rcode::kRefused);
}

app::AclAction decide(const AnswerPolicy& policy, const RequestContext& context, const ReadRequest& read) noexcept {
  if (policy.acl.empty() || read.verdict != Verdict::kQuestion) return app::AclAction::kAllow;
  return policy.acl.decide(read.question.wire_name(), read.question.type, context.address);
}

}  // namespace

void read(const ZoneSet& zones, Request request, ReadRequest& read) noexcept {
  read.verdict = read_question(request, zones.names().seed(), read.question);
  if (read.verdict == Verdict::kQuestion) zones.names().prefetch_slot(read.question.hash);
}

void fetch(const ZoneSet& zones, const ReadRequest& read, int step) noexcept {
  if (read.verdict != Verdict::kQuestion) return;
  if (step == 0)
    zones.names().prefetch_bucket(read.question.hash);
  else
    zones.names().prefetch_node(read.question.hash);
}

Reply answer(const ZoneSet& zones, const AnswerPolicy& policy, const RequestContext& context, Request request,
             const ReadRequest& read, std::span<std::byte> out) noexcept {
  const Question& question = read.question;
  if (read.verdict == Verdict::kIgnore) return {};
  const app::AclAction action = decide(policy, context, read);
  if (action == app::AclAction::kDrop) return {};
  ReplyWriter reply(request, question, size_limit(policy, context, question.edns), out);
  if (question.edns.present) reply.reserve_edns(policy, context, question.edns);
  if (read.verdict != Verdict::kQuestion)
    fail_unreadable(reply, read.verdict);
  else if (!admitted(policy, context.address))
    refuse_with(reply, ExtendedError::kProhibited);
  else if (action == app::AclAction::kBlock)
    refuse_with(reply, ExtendedError::kBlocked);
  else if (action == app::AclAction::kFilter)
    reply.extended_error(ExtendedError::kFiltered);
  else
    answer_question(reply, zones, policy, context, question);
  return reply.finish();
}

Reply refuse(const AnswerPolicy& policy, const RequestContext& context, Request request, const ReadRequest& read,
             std::span<std::byte> out) noexcept {
  ReplyWriter reply(request, read.question, size_limit(policy, context, read.question.edns), out);
  if (read.question.edns.present) reply.reserve_edns(policy, context, read.question.edns);
  refuse_with(reply, ExtendedError::kNotAuthoritative);
  return reply.finish();
}

Reply answer(const ZoneSet& zones, const AnswerPolicy& policy, const RequestContext& context, Request request,
             std::span<std::byte> out) noexcept {
  ReadRequest read;
  read.verdict = read_question(request, zones.names().seed(), read.question);
  return answer(zones, policy, context, request, read, out);
}

}  // namespace idetcd::resolver
