#include "forward/upstream_reply.h"

#include <ldns/ldns.h>

#include <cstring>
#include <memory>
#include <optional>

namespace idetcd::resolver {
namespace {

constexpr std::size_t kOptSize = 11;
constexpr std::uint8_t kRecursionAvailable = 0x80;
constexpr std::uint8_t kTruncated = 0x02;
constexpr std::uint16_t kTypeNsec3Param = 51;

enum class Filter : std::uint8_t { kNothing, kDnssec };

using Packet = std::unique_ptr<ldns_pkt, decltype(&ldns_pkt_free)>;
using Wire = std::unique_ptr<std::uint8_t, decltype(&std::free)>;

bool is_dnssec(std::uint16_t type) noexcept {
  return type == LDNS_RR_TYPE_RRSIG || type == LDNS_RR_TYPE_NSEC || type == LDNS_RR_TYPE_NSEC3 ||
         type == kTypeNsec3Param;
}

// Where the name at `at` ends; nothing if it does not.
std::optional<std::size_t> skip_name(std::span<const std::byte> packet, std::size_t at) noexcept {
  while (at < packet.size()) {
    const auto length = std::to_integer<std::size_t>(packet[at]);
    if (length == 0) return at + 1;
    if (length >= 0xc0) return at + 2;
    at += 1 + length;
  }
  return {};
}

// What lies in a packet, as far as it matters here.
struct Contents {
  std::size_t end = 0;  // of the records, without the OPT at their end
  bool opt = false;
  bool dnssec = false;
};

std::optional<Contents> look_into(std::span<const std::byte> packet, std::uint16_t asked) noexcept {
  constexpr std::size_t kFixed = 10;  // of a record, after its owner
  if (packet.size() < kHeaderSize || load16(packet.data() + 4) != 1) return {};
  auto at = skip_name(packet, kHeaderSize);
  if (!at || *at + 4 > packet.size()) return {};
  Contents contents{*at + 4};
  std::size_t records = 0;
  for (const std::size_t counted : {6, 8, 10}) records += load16(packet.data() + counted);
  for (std::size_t i = 0; i < records; ++i) {
    at = skip_name(packet, contents.end);
    if (!at || *at + kFixed > packet.size()) return {};
    const std::uint16_t type = load16(packet.data() + *at);
    const std::size_t next = *at + kFixed + load16(packet.data() + *at + 8);
    if (next > packet.size()) return {};
    if (type == kTypeOpt) {
      if (i + 1 != records) return {};
      contents.opt = true;
      return contents;
    }
    if (type != asked && is_dnssec(type)) contents.dnssec = true;
    contents.end = next;
  }
  return contents;
}

void filter(ldns_rr_list* records, std::uint16_t asked) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < ldns_rr_list_rr_count(records); ++i) {
    ldns_rr* const rr = ldns_rr_list_rr(records, i);
    const auto type = static_cast<std::uint16_t>(ldns_rr_get_type(rr));
    if (type != asked && is_dnssec(type))
      ldns_rr_free(rr);
    else
      ldns_rr_list_set_rr(records, rr, kept++);
  }
  ldns_rr_list_set_rr_count(records, kept);
}

// The names in a packet refer to each other, so it is written anew.
std::vector<std::byte> without_dnssec(std::span<const std::byte> packet, std::uint16_t asked) {
  ldns_pkt* read = nullptr;
  if (ldns_wire2pkt(&read, reinterpret_cast<const std::uint8_t*>(packet.data()), packet.size()) != LDNS_STATUS_OK)
    return {};
  const Packet owner(read, &ldns_pkt_free);
  filter(ldns_pkt_answer(read), asked);
  filter(ldns_pkt_authority(read), asked);
  filter(ldns_pkt_additional(read), asked);
  ldns_pkt_set_ancount(read, static_cast<std::uint16_t>(ldns_rr_list_rr_count(ldns_pkt_answer(read))));
  ldns_pkt_set_nscount(read, static_cast<std::uint16_t>(ldns_rr_list_rr_count(ldns_pkt_authority(read))));
  ldns_pkt_set_arcount(read, static_cast<std::uint16_t>(ldns_rr_list_rr_count(ldns_pkt_additional(read))));
  std::uint8_t* bytes = nullptr;
  std::size_t size = 0;
  if (ldns_pkt2wire(&bytes, read, &size) != LDNS_STATUS_OK) return {};
  const Wire wire(bytes, &std::free);
  const auto* const begin = reinterpret_cast<const std::byte*>(bytes);
  return {begin, begin + size};
}

void append_opt(std::vector<std::byte>& reply, const Question& question) {
  const std::size_t at = reply.size();
  reply.resize(at + kOptSize);  // zeros: the root, extended code and version 0, no options
  store16(reply.data() + at + 1, kTypeOpt);
  store16(reply.data() + at + 3, 1232);
  if (question.edns.dnssec_ok) reply[at + 7] = std::byte{0x80};
  store16(reply.data() + 10, static_cast<std::uint16_t>(load16(reply.data() + 10) + 1));
}

// The header as the client must see it, over records that are there already.
void put_header(std::vector<std::byte>& reply, std::span<const std::byte> request, std::uint8_t rcode,
                std::uint8_t more) {
  std::memcpy(reply.data(), request.data(), 2);
  reply[2] = (request[2] & std::byte{0x79}) | std::byte{0x80} | std::byte{more};
  reply[3] = (request[3] & std::byte{0x10}) | std::byte{kRecursionAvailable} | std::byte{rcode};
}

std::vector<std::byte> without_records(std::span<const std::byte> request, const Question& question, std::uint8_t rcode,
                                       std::uint8_t more) {
  std::vector<std::byte> reply(request.begin(), request.begin() + question.end);
  std::memset(reply.data() + 4, 0, 8);
  if (question.end > kHeaderSize) store16(reply.data() + 4, 1);
  put_header(reply, request, rcode, more);
  if (question.edns.present) append_opt(reply, question);
  return reply;
}

}  // namespace

std::vector<std::byte> empty_reply(std::span<const std::byte> request, const Question& question, Rcode rcode) {
  return without_records(request, question, static_cast<std::uint8_t>(rcode), 0);
}

std::vector<std::byte> upstream_reply(std::span<const std::byte> request, const Question& question,
                                      std::span<const std::byte> packet, std::size_t limit) {
  auto contents = look_into(packet, question.type);
  std::vector<std::byte> written;
  if (contents && contents->dnssec && !question.edns.dnssec_ok) {
    written = without_dnssec(packet, question.type);
    packet = written;
    contents = look_into(packet, question.type);
  }
  const std::size_t name_end = question.end - 4;
  // The question must be the one that was asked: then its name has the same place, in the client's own letters.
  if (!contents || contents->end < question.end) return empty_reply(request, question, Rcode::kServFail);
  const std::uint8_t rcode = std::to_integer<std::uint8_t>(packet[3]) & 0x0f;
  if (contents->end + (question.edns.present ? kOptSize : 0) > limit)
    return without_records(request, question, rcode, kTruncated);
  std::vector<std::byte> reply(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(contents->end));
  if (contents->opt) store16(reply.data() + 10, static_cast<std::uint16_t>(load16(reply.data() + 10) - 1));
  std::memcpy(reply.data() + kHeaderSize, request.data() + kHeaderSize, name_end - kHeaderSize);
  put_header(reply, request, rcode, 0);
  if (question.edns.present) append_opt(reply, question);
  return reply;
}

}  // namespace idetcd::resolver
