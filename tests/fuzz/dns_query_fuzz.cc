// answer() against a slow reference: ldns reads the request, a map of text finds the
// records, and the two must agree on everything a client can see.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "idetcd-resolver/answer/answer.h"
#include "idetcd-resolver/encode/zone_builder.h"

// Last: it redefines bool.
#include <ldns/ldns.h>

namespace {

using namespace idetcd;
using namespace idetcd::resolver;

using Records = std::multiset<std::string>;
using Types = std::map<unsigned, Records>;

void require(bool condition, int line = __builtin_LINE()) {
  if (condition) return;
  std::cerr << "dns_query_fuzz.cc:" << line << ": the answer is not the reference's\n";
  std::abort();
}

NamedRecord named(SlotId slot, std::uint8_t last) {
  NamedRecord record;
  record.slot = slot;
  record.token = slot;
  record.record.ipv4 = {{10, 0, 0, last}};
  record.record.ports = {{"grpc", 2222}};
  return record;
}

// One zone, and the same thing as text: what exists, and with which records.
struct World {
  std::shared_ptr<const ZoneSet> zone;
  AnswerPolicy policy;
  std::map<std::string, Types> names;

  World() {
    ZoneOptions options;
    options.pools.push_back({PatternTemplate::parse("w{{.ID}}.tf.", 9).value(), "all.tf."});
    options.reverse_zones = {"10.0.0.0/8"};
    ZoneBuilder builder = ZoneBuilder::create(std::move(options)).value();
    for (const SlotId slot : {1U, 2U}) {
      const NamedRecord record = named(slot, static_cast<std::uint8_t>(slot));
      builder.set(0, slot, &record);
    }
    zone = builder.commit(7);
    policy.nsid = "fuzz";
    policy.version = "v";
    for (const char* slot : {"1", "2"}) {
      const std::string name = std::string("w") + slot + ".tf.";
      names[name] = {{1, {std::string("10.0.0.") + slot}},
                     {16, {std::string("\"slot=") + slot + "\" \"token=" + slot + "\""}}};
      names["_tcp." + name] = {};
      names["_grpc._tcp." + name] = {{33, {"0 1 2222 " + name}}};
      names[std::string(slot) + ".0.0.10.in-addr.arpa."] = {{12, {name}}};
    }
    names["tf."] = {{2, {"ns.tf."}}, {6, {"ns.tf. root.tf. 7 60 10 86400 2"}}};
    names["ns.tf."] = names["_tcp.tf."] = {};
    names["_grpc._tcp.tf."] = {{33, {"0 1 2222 w1.tf.", "0 1 2222 w2.tf."}}};
    names["all.tf."] = {{1, {"10.0.0.1", "10.0.0.2"}}};
    names["10.in-addr.arpa."] = {{2, {"ns.10.in-addr.arpa."}},
                                 {6, {"ns.10.in-addr.arpa. root.10.in-addr.arpa. 7 60 10 86400 2"}}};
    names["ns.10.in-addr.arpa."] = names["0.10.in-addr.arpa."] = names["0.0.10.in-addr.arpa."] = {};
  }

  bool serves(const std::string& name) const {
    for (const std::string zone_name : {"tf.", "10.in-addr.arpa."}) {
      if (name == zone_name) return true;
      const std::string tail = "." + zone_name;
      if (name.size() > tail.size() && name.ends_with(tail) && !escaped(name, name.size() - tail.size())) return true;
    }
    return false;
  }

  // An escaped dot is no label boundary; after an escaped backslash it is one.
  static bool escaped(const std::string& name, std::size_t at) {
    std::size_t backslashes = 0;
    while (backslashes < at && name[at - 1 - backslashes] == '\\') ++backslashes;
    return backslashes % 2 == 1;
  }
};

using Owned = std::unique_ptr<ldns_pkt, decltype(&ldns_pkt_free)>;

Owned parse(std::span<const std::byte> wire) {
  ldns_pkt* packet = nullptr;
  if (ldns_wire2pkt(&packet, reinterpret_cast<const std::uint8_t*>(wire.data()), wire.size()) != LDNS_STATUS_OK)
    packet = nullptr;
  return {packet, ldns_pkt_free};
}

std::string text_of(char* owned) {
  std::string text(owned);
  std::free(owned);
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  return text;
}

std::string data_of(const ldns_rr* rr) {
  std::string text;
  for (std::size_t i = 0; i < ldns_rr_rd_count(rr); ++i)
    text += (i == 0 ? "" : " ") + text_of(ldns_rdf2str(ldns_rr_rdf(rr, i)));
  return text;
}

Records data_of(const ldns_rr_list* list) {
  Records records;
  for (std::size_t i = 0; i < ldns_rr_list_rr_count(list); ++i) records.insert(data_of(ldns_rr_list_rr(list, i)));
  return records;
}

// RFC 1034 4.3.2 on the map.
void compare(const World& world, const ldns_rr* question, const ldns_pkt* reply) {
  const std::string name = text_of(ldns_rdf2str(ldns_rr_owner(question)));
  const auto type = static_cast<unsigned>(ldns_rr_get_type(question));
  const unsigned rcode = ldns_pkt_get_rcode(reply);
  const Records answers = data_of(ldns_pkt_answer(reply));
  const auto at = world.names.find(name);
  if (!world.serves(name)) {
    require(rcode == LDNS_RCODE_REFUSED && answers.empty() && !ldns_pkt_aa(reply));
    return;
  }
  const bool has_type = at != world.names.end() && at->second.contains(type);
  if (!has_type && (type == LDNS_RR_TYPE_AXFR || type == LDNS_RR_TYPE_IXFR)) {
    require(rcode == LDNS_RCODE_REFUSED);
    return;
  }
  require(ldns_pkt_aa(reply));
  require(rcode == (at == world.names.end() ? LDNS_RCODE_NXDOMAIN : LDNS_RCODE_NOERROR));
  const bool any = type == LDNS_RR_TYPE_ANY && at != world.names.end() && !at->second.empty();
  if (has_type) {
    require(answers == at->second.at(type));
  } else if (any) {
    require(!answers.empty());
  } else {
    require(answers.empty());
    require(ldns_rr_list_rr_count(ldns_pkt_authority(reply)) == 1);
    const ldns_rr* const soa = ldns_rr_list_rr(ldns_pkt_authority(reply), 0);
    require(ldns_rr_get_type(soa) == LDNS_RR_TYPE_SOA && ldns_rr_ttl(soa) == 2);
  }
}

// The reply, which must be the same when it is written over the request.
std::vector<std::byte> reply_to(const World& world, std::span<const std::byte> request, Transport transport) {
  static std::vector<std::byte> out(kMaxTcpReply), place(kMaxTcpReply);
  const std::size_t room = transport == Transport::kUdp ? kMaxUdpReply : kMaxTcpReply;
  const RequestContext peer{{}, transport, 1'700'000'000, 1};
  const std::size_t size = answer(*world.zone, world.policy, peer, request, std::span(out).first(room)).size;
  std::copy(request.begin(), request.end(), place.begin());
  const auto same = std::span<const std::byte>(place).first(request.size());
  const std::size_t again = answer(*world.zone, world.policy, peer, same, place).size;
  require(again == size && std::equal(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(size), place.begin()));
  return {out.begin(), out.begin() + static_cast<std::ptrdiff_t>(size)};
}

void check(const World& world, std::span<const std::byte> request) {
  const std::vector<std::byte> reply = reply_to(world, request, Transport::kTcp);
  const bool silent = request.size() < 12 || (request[2] & std::byte{0x80}) != std::byte{0};
  require(reply.empty() == silent);
  if (silent) return;
  const Owned decoded = parse(reply);
  require(decoded != nullptr);
  require(reply[0] == request[0] && reply[1] == request[1]);
  require((reply[2] & std::byte{0xf8}) == ((request[2] & std::byte{0x78}) | std::byte{0x80}));
  require((reply[3] & std::byte{0x20}) == std::byte{0} && !ldns_pkt_ra(decoded.get()) && !ldns_pkt_tc(decoded.get()));

  const std::vector<std::byte> datagram = reply_to(world, request, Transport::kUdp);
  require(datagram.size() >= 12 && datagram.size() <= kMaxUdpReply && parse(datagram) != nullptr);
  if (ldns_rr_list_rr_count(ldns_pkt_question(decoded.get())) == 0) return;
  const ldns_rr* const question = ldns_rr_list_rr(ldns_pkt_question(decoded.get()), 0);
  const std::size_t end = 12 + ldns_rdf_size(ldns_rr_owner(question)) + 4;
  require(std::equal(reply.begin() + 12, reply.begin() + static_cast<std::ptrdiff_t>(end), request.begin() + 12));
  if (ldns_pkt_get_rcode(decoded.get()) == LDNS_RCODE_FORMERR || ldns_pkt_edns_extended_rcode(decoded.get()) != 0)
    return;
  if (ldns_rr_get_class(question) == LDNS_RR_CLASS_IN) compare(world, question, decoded.get());
}

// What ldns reads as an ordinary query must not be called malformed.
void check_well_formed(const World& world, std::span<const std::byte> request) {
  const Owned query = parse(request);
  if (query == nullptr || ldns_pkt_qr(query.get()) || ldns_pkt_get_opcode(query.get()) != LDNS_PACKET_QUERY) return;
  if (ldns_pkt_qdcount(query.get()) != 1 || ldns_pkt_ancount(query.get()) + ldns_pkt_nscount(query.get()) != 0) return;
  if (load16(request.data() + 10) != 0) return;
  const ldns_rr* const question = ldns_rr_list_rr(ldns_pkt_question(query.get()), 0);
  const ldns_rdf* const name = ldns_rr_owner(question);
  if (12 + ldns_rdf_size(name) + 4 != request.size()) return;                                   // more behind it
  if (std::memcmp(request.data() + 12, ldns_rdf_data(name), ldns_rdf_size(name)) != 0) return;  // compressed
  const std::vector<std::byte> reply = reply_to(world, request, Transport::kTcp);
  require((reply[3] & std::byte{15}) != std::byte{1});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const World world;
  const std::span request(reinterpret_cast<const std::byte*>(data), size);
  if (size > 4096) return 0;
  check(world, request);
  check_well_formed(world, request);
  return 0;
}
