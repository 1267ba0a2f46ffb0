#include "support/dns_probe.h"

#include <ldns/ldns.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>

#include "idetcd-resolver/wire/wire_name.h"

namespace idetcd::testing {
namespace {

using resolver::load16;

void put16(Packet& out, unsigned value) {
  out.push_back(static_cast<std::byte>(value >> 8));
  out.push_back(static_cast<std::byte>(value));
}

void put_name(Packet& out, std::string_view name) {
  while (!name.empty() && name != ".") {
    const std::size_t dot = std::min(name.find('.'), name.size());
    out.push_back(static_cast<std::byte>(dot));
    for (const char c : name.substr(0, dot)) out.push_back(static_cast<std::byte>(c));
    name.remove_prefix(std::min(dot + 1, name.size()));
  }
  out.push_back(std::byte{0});
}

std::string one_line(ldns_rr* rr, bool question) {
  char* const text = question ? ldns_rr2str_fmt(ldns_output_format_default, rr) : ldns_rr2str(rr);
  std::string line(text);
  std::free(text);
  std::replace(line.begin(), line.end(), '\t', ' ');
  while (!line.empty() && (line.back() == '\n' || line.back() == ' ')) line.pop_back();
  return line;
}

ldns_rr_list* section_of(const ldns_pkt* packet, DnsSection section) {
  switch (section) {
    case DnsSection::kQuestion: return ldns_pkt_question(packet);
    case DnsSection::kAnswer: return ldns_pkt_answer(packet);
    case DnsSection::kAuthority: return ldns_pkt_authority(packet);
    case DnsSection::kAdditional: break;
  }
  return ldns_pkt_additional(packet);
}

}  // namespace

Packet make_query(const Query& query) {
  Packet out;
  put16(out, query.id);
  put16(out, static_cast<unsigned>(query.opcode << 11 | (query.recursion_desired ? 0x100 : 0)));
  put16(out, 1);
  put16(out, 0);
  put16(out, 0);
  put16(out, query.edns ? 1 : 0);
  put_name(out, query.name);
  put16(out, query.type);
  put16(out, query.qclass);
  if (query.edns) {
    out.push_back(std::byte{0});
    put16(out, 41);
    put16(out, query.edns->payload);
    put16(out, query.edns->version);
    put16(out, query.edns->dnssec_ok ? 0x8000 : 0);
    put16(out, static_cast<unsigned>(query.edns->options.size()));
    out.insert(out.end(), query.edns->options.begin(), query.edns->options.end());
  }
  return out;
}

Packet make_option(std::uint16_t code, std::span<const std::byte> value) {
  Packet out;
  put16(out, code);
  put16(out, static_cast<unsigned>(value.size()));
  out.insert(out.end(), value.begin(), value.end());
  return out;
}

DecodedReply::DecodedReply(std::span<const std::byte> wire) : size_(wire.size()) {
  ldns_pkt* packet = nullptr;
  const ldns_status status = ldns_wire2pkt(&packet, reinterpret_cast<const std::uint8_t*>(wire.data()), wire.size());
  INFO("ldns: " << ldns_get_errorstr_by_id(status) << ", " << wire.size() << " bytes");
  REQUIRE(status == LDNS_STATUS_OK);
  packet_.reset(packet, ldns_pkt_free);
}

unsigned DecodedReply::id() const {
  return ldns_pkt_id(packet_.get());
}
unsigned DecodedReply::rcode() const {
  return static_cast<unsigned>(ldns_pkt_get_rcode(packet_.get())) |
         static_cast<unsigned>(ldns_pkt_edns_extended_rcode(packet_.get())) << 4;
}
bool DecodedReply::authoritative() const {
  return ldns_pkt_aa(packet_.get());
}
bool DecodedReply::truncated() const {
  return ldns_pkt_tc(packet_.get());
}
bool DecodedReply::recursion_desired() const {
  return ldns_pkt_rd(packet_.get());
}
bool DecodedReply::edns() const {
  return ldns_pkt_edns(packet_.get());
}
unsigned DecodedReply::payload() const {
  return ldns_pkt_edns_udp_size(packet_.get());
}
bool DecodedReply::dnssec_ok() const {
  return ldns_pkt_edns_do(packet_.get());
}

Packet DecodedReply::edns_options() const {
  const ldns_rdf* const data = ldns_pkt_edns_data(packet_.get());
  if (data == nullptr) return {};
  const auto* const bytes = reinterpret_cast<const std::byte*>(ldns_rdf_data(data));
  return {bytes, bytes + ldns_rdf_size(data)};
}

std::optional<Packet> DecodedReply::edns_option(std::uint16_t code) const {
  const Packet all = edns_options();
  for (std::size_t at = 0; at + 4 <= all.size();) {
    const std::size_t size = load16(all.data() + at + 2);
    const auto first = all.begin() + static_cast<std::ptrdiff_t>(at + 4);
    if (load16(all.data() + at) == code) return Packet(first, first + static_cast<std::ptrdiff_t>(size));
    at += 4 + size;
  }
  return std::nullopt;
}

std::vector<std::string> DecodedReply::records(DnsSection section) const {
  std::vector<std::string> lines;
  const ldns_rr_list* const list = section_of(packet_.get(), section);
  for (std::size_t i = 0; i < ldns_rr_list_rr_count(list); ++i)
    lines.push_back(one_line(ldns_rr_list_rr(list, i), section == DnsSection::kQuestion));
  return lines;
}

Packet ask(const resolver::ZoneSet& zone, const Packet& request, const resolver::AnswerPolicy& policy,
           const resolver::RequestContext& peer) {
  const std::size_t room =
      peer.transport == resolver::Transport::kUdp ? resolver::kMaxUdpReply : resolver::kMaxTcpReply;
  Packet out(room);
  const resolver::Reply reply = answer(zone, policy, peer, request, out);
  REQUIRE(reply.size <= room);
  out.resize(reply.size);

  Packet place(std::max(room, request.size()));
  std::copy(request.begin(), request.end(), place.begin());
  const resolver::Reply again = answer(zone, policy, peer, std::span(place).first(request.size()), place);
  place.resize(again.size);
  REQUIRE(place == out);
  return out;
}

Packet ask(const resolver::ZoneSet& zone, const Packet& request, resolver::Transport transport) {
  return ask(zone, request, probe_policy(), {{}, transport, 1'700'000'000, 0});
}

DecodedReply ask(const resolver::ZoneSet& zone, const Query& query, resolver::Transport transport) {
  return DecodedReply(ask(zone, make_query(query), transport));
}

resolver::ZoneBuilder make_builder(const std::vector<std::string>& patterns, SlotId limit,
                                   resolver::ZoneOptions options) {
  for (const std::string& text : patterns) {
    auto pattern = PatternTemplate::parse(text, limit);
    INFO(text);
    REQUIRE(pattern);
    options.pools.push_back({*pattern, {}});
  }
  auto builder = resolver::ZoneBuilder::create(std::move(options));
  if (!builder) FAIL(builder.error().message);
  return std::move(*builder);
}

NamedRecord make_record(SlotId slot) {
  NamedRecord named;
  named.slot = slot;
  named.token = 1000 + slot;
  const auto high = static_cast<std::uint8_t>(slot >> 8);
  const auto low = static_cast<std::uint8_t>(slot);
  named.record.ipv4.push_back({10, static_cast<std::uint8_t>(slot >> 16), high, low});
  Ipv6 address{0xfd};
  address[14] = high;
  address[15] = low;
  named.record.ipv6.push_back(address);
  return named;
}

const resolver::AnswerPolicy& probe_policy() {
  static const resolver::AnswerPolicy policy{"test", "", "", {}, {}, true, resolver::CookieSecret{}};
  return policy;
}

}  // namespace idetcd::testing
