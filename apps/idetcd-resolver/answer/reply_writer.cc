#include "answer/reply_writer.h"

#include <algorithm>
#include <cstring>

namespace idetcd::resolver {
namespace {

constexpr std::uint16_t kOptionNsid = 3;
constexpr std::uint16_t kOptionCookie = 10;
constexpr std::uint16_t kOptionExtendedError = 15;  // RFC 8914
constexpr std::size_t kOptSize = 11;
constexpr std::size_t kOptionHeader = 4;
constexpr std::uint16_t kPointer = 0xc000;  // RFC 1035 4.1.4
constexpr std::size_t kRrFixed = 12;        // a record without its data, its owner a pointer
constexpr std::size_t kQuestionTail = 4;    // type and class
constexpr std::size_t kProtocolLabel = 5;   // "_udp" with its length
constexpr std::size_t kSrvSize = 7;         // with the root as target

std::byte* put_option(std::byte* at, std::uint16_t code, std::size_t size) noexcept {
  store16(at, code);
  store16(at + 2, static_cast<std::uint16_t>(size));
  return at + kOptionHeader;
}

std::byte* put_bytes(std::byte* at, const void* bytes, std::size_t size) noexcept {
  std::memcpy(at, bytes, size);
  return at + size;
}

// Owned by the question's name, with TTL 0.
void put_head(std::byte* at, std::uint16_t type, std::size_t data_size) noexcept {
  store16(at, kPointer | kHeaderSize);
  store16(at + 2, type);
  store16(at + 4, kClassIn);
  store32(at + 6, 0);
  store16(at + 10, static_cast<std::uint16_t>(data_size));
}

}  // namespace

ReplyWriter::ReplyWriter(std::span<const std::byte> request, const Question& question, std::size_t limit,
                         std::span<std::byte> out) noexcept
    : out_(out.data()),
      limit_(std::min(limit, out.size())),
      question_end_(question.end),
      size_(question.end),
      flags_(std::to_integer<std::uint8_t>(request[2] & std::byte{0x79}) | 0x80),  // QR; OPCODE and RD as asked
      questions_(question.end > kHeaderSize ? 1 : 0) {
  if (request.data() != out_) std::memcpy(out_, request.data(), question.end);
}

void ReplyWriter::reserve_edns(const AnswerPolicy& policy, const RequestContext& context, const Edns& edns) noexcept {
  edns_ = true;
  dnssec_ok_ = edns.dnssec_ok;
  if (edns.nsid) nsid_ = std::string_view(policy.nsid).substr(0, kMaxNsid);
  if (!policy.cookies || edns.cookie_size == 0) return;
  std::copy_n(edns.cookie.begin(), kClientCookieSize, client_cookie_.begin());
  server_cookie_ = make_server_cookie(policy.cookie_secret, client_cookie_, context.address, context.now);
}

std::size_t ReplyWriter::opt_size() const noexcept {
  if (!edns_) return 0;
  std::size_t size = kOptSize;
  if (!nsid_.empty()) size += kOptionHeader + nsid_.size();
  if (server_cookie_) size += kOptionHeader + kClientCookieSize + kServerCookieSize;
  if (extended_error_ != ExtendedError::kNone) size += kOptionHeader + 2;
  return size;
}

std::size_t ReplyWriter::room() const noexcept {
  const std::size_t used = size_ + opt_size();
  return used < limit_ ? limit_ - used : 0;
}

std::byte* ReplyWriter::claim(std::size_t size) noexcept {
  if (size > room()) return nullptr;
  std::byte* const at = out_ + size_;
  size_ += size;
  return at;
}

bool ReplyWriter::put_answer(std::span<const std::byte> records, unsigned count, unsigned first) noexcept {
  std::byte* const at = claim(records.size());
  if (at == nullptr) return false;
  answers_ = static_cast<std::uint16_t>(count);
  if (first == 0) {
    std::memcpy(at, records.data(), records.size());
  } else {
    const std::size_t skip = records.size() / count * first;
    std::memcpy(at, records.data() + skip, records.size() - skip);
    std::memcpy(at + records.size() - skip, records.data(), skip);
  }
  return true;
}

void ReplyWriter::put_additional(std::span<const std::byte> records, unsigned count) noexcept {
  std::byte* const at = claim(records.size());
  if (at == nullptr) return;
  std::memcpy(at, records.data(), records.size());
  additionals_ = static_cast<std::uint16_t>(count);
}

void ReplyWriter::put_soa(Section section, const Zone& zone, std::size_t name_size, std::uint32_t serial,
                          std::uint32_t ttl) noexcept {
  std::byte* const at = claim(2 + zone.soa.size());
  if (at == nullptr) return truncate();
  ++(section == Section::kAnswer ? answers_ : authorities_);
  const auto apex = static_cast<std::uint16_t>(kPointer | (kHeaderSize + name_size - zone.apex.size()));
  std::byte* const soa = at + 2;
  store16(at, apex);
  std::memcpy(soa, zone.soa.data(), zone.soa.size());
  store32(soa + 4, ttl);
  store16(soa + zone.mname_pointer, apex);
  store16(soa + zone.rname_pointer, apex);
  store32(soa + zone.serial, serial);
}

void ReplyWriter::put_chaos_text(std::string_view text) noexcept {
  text = text.substr(0, 255);
  std::byte* at = claim(12 + 1 + text.size());
  if (at == nullptr) return truncate();
  ++answers_;
  store16(at, kPointer | kHeaderSize);
  store16(at + 2, kTypeTxt);
  store16(at + 4, kClassCh);
  store32(at + 6, 0);
  store16(at + 10, static_cast<std::uint16_t>(text.size() + 1));
  at[12] = static_cast<std::byte>(text.size());
  put_bytes(at + 13, text.data(), text.size());
}

void ReplyWriter::put_client(const RequestContext& context) noexcept {
  const bool ipv4 = from_mapped(context.address).has_value();
  const std::size_t address_size = ipv4 ? 4 : context.address.size();
  if (std::byte* const at = claim(kRrFixed + address_size)) {
    put_head(at, ipv4 ? kTypeA : kTypeAaaa, address_size);
    put_bytes(at + kRrFixed, context.address.data() + context.address.size() - address_size, address_size);
    ++additionals_;
  }
  // Its owner has one label more than the question.
  if (question_end_ - kHeaderSize - kQuestionTail + kProtocolLabel > kMaxNameSize) return;
  std::byte* const at = claim(kProtocolLabel + kRrFixed + kSrvSize);
  if (at == nullptr) return;
  put_bytes(at, context.transport == Transport::kTcp ? "\4_tcp" : "\4_udp", kProtocolLabel);
  put_head(at + kProtocolLabel, kTypeSrv, kSrvSize);
  std::byte* const srv = at + kProtocolLabel + kRrFixed;
  store32(srv, 0);  // priority and weight
  store16(srv + 4, context.port);
  srv[6] = std::byte{0};  // the root
  ++additionals_;
}

void ReplyWriter::put_opt() noexcept {
  const std::size_t size = opt_size();
  std::byte* at = out_ + size_;
  size_ += size;
  ++additionals_;
  at[0] = std::byte{0};
  store16(at + 1, kTypeOpt);
  store16(at + 3, kMaxUdpReply);
  store32(at + 5, static_cast<std::uint32_t>(rcode_) >> 4 << 24 | (dnssec_ok_ ? 0x8000U : 0U));
  store16(at + 9, static_cast<std::uint16_t>(size - kOptSize));
  at += kOptSize;
  if (!nsid_.empty()) at = put_bytes(put_option(at, kOptionNsid, nsid_.size()), nsid_.data(), nsid_.size());
  if (server_cookie_) {
    at = put_option(at, kOptionCookie, kClientCookieSize + kServerCookieSize);
    at = put_bytes(at, client_cookie_.data(), kClientCookieSize);
    at = put_bytes(at, server_cookie_->data(), kServerCookieSize);
  }
  if (extended_error_ != ExtendedError::kNone)
    store16(put_option(at, kOptionExtendedError, 2), static_cast<std::uint16_t>(extended_error_));
}

Reply ReplyWriter::finish() noexcept {
  if (forwarder_ != nullptr) return {.forwarder = forwarder_};
  if (edns_) put_opt();
  out_[2] = std::byte{flags_};
  // RA and AD are not ours to set; CD is cleared (RFC 4035 3.1.6).
  out_[3] = std::byte{static_cast<std::uint8_t>(static_cast<unsigned>(rcode_) & 0x0f)};
  store16(out_ + 4, questions_);
  store16(out_ + 6, answers_);
  store16(out_ + 8, authorities_);
  store16(out_ + 10, additionals_);
  return {size_, rcode_, (flags_ & 0x02) != 0, nullptr};
}

}  // namespace idetcd::resolver
