// Asking answer() and reading its replies with ldns, which shares no code with it.
#pragma once

#include <idetcd/record_store.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "idetcd-resolver/answer/answer.h"
#include "idetcd-resolver/encode/zone_builder.h"

struct ldns_struct_pkt;

namespace idetcd::testing {

using Packet = std::vector<std::byte>;

struct EdnsQuery {
  std::uint16_t payload = 1232;
  std::uint8_t version = 0;
  bool dnssec_ok = false;
  Packet options{};  // as on the wire
};

struct Query {
  std::string name;
  std::uint16_t type = 1;
  std::uint16_t qclass = 1;
  std::optional<EdnsQuery> edns{};
  std::uint16_t id = 0x1234;
  std::uint8_t opcode = 0;
  bool recursion_desired = true;
};

// The query on the wire; names keep their case.
Packet make_query(const Query& query);

// An EDNS option: code, size, value.
Packet make_option(std::uint16_t code, std::span<const std::byte> value);

enum class DnsSection { kQuestion, kAnswer, kAuthority, kAdditional };

// A reply as ldns reads it.
class DecodedReply {
 public:
  // Fails the test if ldns cannot read it.
  explicit DecodedReply(std::span<const std::byte> wire);

  unsigned id() const;
  unsigned rcode() const;  // with the EDNS half
  bool authoritative() const;
  bool truncated() const;
  bool recursion_desired() const;
  bool edns() const;
  unsigned payload() const;
  bool dnssec_ok() const;
  Packet edns_options() const;  // as on the wire
  std::optional<Packet> edns_option(std::uint16_t code) const;

  // "worker1.tf.local. 5 IN A 10.0.0.1" each, names as they stand in the message.
  std::vector<std::string> records(DnsSection section) const;
  std::size_t size() const { return size_; }

 private:
  std::shared_ptr<ldns_struct_pkt> packet_;
  std::size_t size_;
};

// One call of answer(): the reply's bytes; empty if there was none. Checks that the
// reply written over the request is the same.
Packet ask(const resolver::ZoneSet& zone, const Packet& request, const resolver::AnswerPolicy& policy,
           const resolver::RequestContext& peer);
Packet ask(const resolver::ZoneSet& zone, const Packet& request,
           resolver::Transport transport = resolver::Transport::kUdp);

DecodedReply ask(const resolver::ZoneSet& zone, const Query& query,
                 resolver::Transport transport = resolver::Transport::kUdp);

// A builder for `patterns`, each with `limit` slots; fails the test on an error.
resolver::ZoneBuilder make_builder(const std::vector<std::string>& patterns, SlotId limit = 10,
                                   resolver::ZoneOptions options = {});

// Slot 3 has 10.0.0.3 and fd00::3; slot 300 has 10.0.1.44 and fd00::12c.
NamedRecord make_record(SlotId slot);

// The policy of ask(): a fixed cookie secret, NSID "test".
const resolver::AnswerPolicy& probe_policy();

}  // namespace idetcd::testing
