// ReplyWriter: the one place that writes a reply's bytes.
//
// The question goes back byte for byte as it came; records follow in the order they
// are put; the OPT record, when the request had one, comes last, and its room is kept
// from the start. An RRset goes in whole or not at all (RFC 2181 9).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "answer/reply.h"
#include "wire/question.h"
#include "zone/zone.h"

namespace idetcd::resolver {

enum class Section : std::uint8_t { kAnswer, kAuthority };

// Extended DNS errors (RFC 8914 4): why, for people.
enum class ExtendedError : std::uint16_t {
  kNone = 0,  // not sent; on the wire 0 is "other"
  kStaleAnswer = 3,
  kBlocked = 15,
  kFiltered = 17,
  kProhibited = 18,
  kNotAuthoritative = 20,
  kNoReachableAuthority = 22,
};

inline constexpr std::size_t kMaxNsid = 128;  // a longer one is cut

// Lives on the stack for one reply. Nothing is read from `request` after the first
// byte was written, so that the reply may be written over it.
class ReplyWriter {
 public:
  ReplyWriter(std::span<const std::byte> request, const Question& question, std::size_t limit,
              std::span<std::byte> out) noexcept;

  // Decides on the OPT record's contents: cookie, NSID.
  void reserve_edns(const AnswerPolicy& policy, const RequestContext& context, const Edns& edns) noexcept;
  // Adds it if the client speaks EDNS. Before any record is put; the last one counts.
  void extended_error(ExtendedError error) noexcept { extended_error_ = error; }

  void fail(Rcode rcode) noexcept { rcode_ = rcode; }
  void authoritative() noexcept { flags_ |= 0x04; }
  void truncate() noexcept { flags_ |= 0x02; }
  // There will be no reply from here. Before any record is put.
  void hand_on(Forwarder& forwarder) noexcept { forwarder_ = &forwarder; }

  // `count` records whose owner is the question's name; starting with record `first`
  // if it is not 0 (then all are of one size). False if they do not fit.
  bool put_answer(std::span<const std::byte> records, unsigned count, unsigned first) noexcept;
  // Left out without TC when they do not fit: they are optional (RFC 2181 9).
  void put_additional(std::span<const std::byte> records, unsigned count) noexcept;
  void put_soa(Section section, const Zone& zone, std::size_t name_size, std::uint32_t serial,
               std::uint32_t ttl) noexcept;
  // One more TXT record in the answer, class CH.
  void put_chaos_text(std::string_view text) noexcept;
  // The client's address, port and transport, as additional records (as whoami of CoreDNS).
  void put_client(const RequestContext& context) noexcept;

  Reply finish() noexcept;

 private:
  std::size_t room() const noexcept;
  std::byte* claim(std::size_t size) noexcept;  // null if it does not fit
  std::size_t opt_size() const noexcept;
  void put_opt() noexcept;

  std::byte* const out_;
  const std::size_t limit_;
  const std::size_t question_end_;
  std::size_t size_;
  std::uint8_t flags_;  // the header's third byte
  Rcode rcode_ = Rcode::kNoError;
  std::uint16_t questions_;
  std::uint16_t answers_ = 0;
  std::uint16_t authorities_ = 0;
  std::uint16_t additionals_ = 0;
  Forwarder* forwarder_ = nullptr;
  bool edns_ = false;
  bool dnssec_ok_ = false;
  ExtendedError extended_error_ = ExtendedError::kNone;
  std::string_view nsid_{};
  std::array<std::byte, kClientCookieSize> client_cookie_;
  std::optional<ServerCookie> server_cookie_;  // a cookie option, if there is one
};

}  // namespace idetcd::resolver
