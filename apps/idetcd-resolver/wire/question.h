// Reading a request: one pass, into a value on the stack.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "wire/cookie.h"
#include "wire/name_hash.h"
#include "wire/wire.h"

namespace idetcd::resolver {

// What a request is, before anything is looked up.
enum class Verdict : std::uint8_t {
  kQuestion,    // well-formed: look it up
  kIgnore,      // no reply: shorter than a header, or a reply itself
  kNotImp,      // an opcode other than QUERY
  kFormErr,     // cannot be read
  kBadVers,     // an EDNS version we do not know (RFC 6891 6.1.3)
  kCookieOnly,  // no question, but a cookie: asks for a server cookie (RFC 7873 5.4)
};

// The request's OPT record (RFC 6891 6.1.2).
struct Edns {
  bool present = false;  // one was read whole, whatever came after it
  bool dnssec_ok = false;
  bool nsid = false;
  std::uint8_t version = 0;
  std::uint16_t payload = 0;
  std::uint8_t cookie_size = 0;  // 0: none; else 8, or 16..40 with a server's half
  std::array<std::byte, 40> cookie;

  // As if new, but for the cookie's bytes.
  void clear() noexcept { present = dnssec_ok = nsid = false, version = cookie_size = 0, payload = 0; }
};

// Fields are set as far as the verdict says; name bytes behind name_size are not. May be
// used again and again: a batch of them is kept by each thread.
struct Question {
  std::uint16_t type = 0;
  std::uint16_t qclass = 0;
  std::uint16_t end = kHeaderSize;  // where the question ends; kHeaderSize: none could be read
  std::uint16_t name_size = 0;
  std::uint64_t hash = 0;  // hash_name() of the name
  Edns edns;
  alignas(8) std::array<std::byte, 264> name;  // lower case; whole words are written

  WireName wire_name() const noexcept { return {name.data(), name_size}; }
};

// Pure; reads only `request`. `seed` is the one of the table that will be asked.
Verdict read_question(std::span<const std::byte> request, std::uint64_t seed, Question& question) noexcept;

}  // namespace idetcd::resolver
