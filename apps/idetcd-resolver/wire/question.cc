#include "wire/question.h"

#include <algorithm>
#include <bit>

namespace idetcd::resolver {
namespace {

static_assert(std::endian::native == std::endian::little, "the word tricks below count bytes from the low end");

using Request = std::span<const std::byte>;

constexpr std::uint64_t kEach = 0x0101010101010101U;

constexpr unsigned kMaxPointers = 16;  // in one name

constexpr std::uint16_t kOptionNsid = 3;     // RFC 5001
constexpr std::uint16_t kOptionCookie = 10;  // RFC 7873

unsigned byte_at(Request request, std::size_t at) noexcept {
  return std::to_integer<unsigned>(request[at]);
}

// Lowers the ASCII capitals among eight bytes. Length bytes are below 'A', so a whole
// name can be lowered without looking at its labels.
std::uint64_t lower(std::uint64_t word) noexcept {
  const std::uint64_t low7 = word & (kEach * 0x7f);
  const std::uint64_t above_z = low7 + kEach * (0x7f - 'Z');
  const std::uint64_t from_a = low7 + kEach * (0x80 - 'A');
  const std::uint64_t capital = (from_a ^ above_z) & ~word & (kEach * 0x80);
  return word | (capital >> 2);
}

// The size of the uncompressed name at `at`, or 0. The first name of a message has
// nothing to point to, so a pointer is an error there.
std::size_t name_size(Request request, std::size_t at) noexcept {
  const std::size_t begin = at;
  while (at < request.size()) {
    const unsigned label = byte_at(request, at);
    if (label > 63) return 0;
    at += label + 1;
    if (at - begin > kMaxNameSize) return 0;
    if (label == 0) return at - begin;
  }
  return 0;
}

// Lowers the name, hashes it, and keeps it, a word at a time.
void take_name(Request request, std::size_t size, std::uint64_t seed, Question& question) noexcept {
  const std::byte* from = request.data() + kHeaderSize;
  std::byte* to = question.name.data();
  NameHash hash(seed, size);
  std::uint64_t word;
  std::size_t left = size;
  for (; left > 8; left -= 8, from += 8, to += 8) {
    std::memcpy(&word, from, 8);
    word = lower(word);
    std::memcpy(to, &word, 8);
    hash.absorb(word);
  }
  if (request.data() + request.size() - from >= 8) {
    std::memcpy(&word, from, 8);
    word &= ~std::uint64_t{0} >> (64 - 8 * left);
  } else {
    word = 0;
    std::memcpy(&word, from, left);
  }
  word = lower(word);
  std::memcpy(to, &word, 8);
  hash.absorb(word);
  question.name_size = static_cast<std::uint16_t>(size);
  question.hash = hash.value();
}

bool take_question(Request request, std::uint64_t seed, Question& question) noexcept {
  const std::size_t size = name_size(request, kHeaderSize);
  const std::size_t end = kHeaderSize + size + 4;
  if (size == 0 || end > request.size()) return false;
  take_name(request, size, seed, question);
  question.type = load16(request.data() + end - 4);
  question.qclass = load16(request.data() + end - 2);
  question.end = static_cast<std::uint16_t>(end);
  return true;
}

// Where the name at `at` ends, or 0 if it is none. A pointer leads to what began before
// (RFC 1035 4.1.4), so that following them ends; no real query needs many.
std::size_t skip_name(Request request, std::size_t at) noexcept {
  std::size_t begin = at;  // of the piece being read
  std::size_t end = 0;     // behind the first pointer
  std::size_t size = 0;
  for (unsigned pointers = 0; at < request.size();) {
    const unsigned label = byte_at(request, at);
    if (label >= 0xc0) {
      if (at + 2 > request.size() || ++pointers > kMaxPointers) return 0;
      const std::size_t target = load16(request.data() + at) & 0x3fff;
      if (target < kHeaderSize || target >= begin) return 0;
      if (end == 0) end = at + 2;
      begin = at = target;
      continue;
    }
    at += label + 1;
    size += label + 1;
    if (label > 63 || size > kMaxNameSize) return 0;
    if (label == 0) return end != 0 ? end : at;
  }
  return 0;
}

bool take_cookie(Request option, Edns& edns) noexcept {
  // RFC 7873 5.2.2: 8 bytes, or 16 to 40; anything else is FORMERR. Of two, the first counts.
  if (option.size() != kClientCookieSize && (option.size() < 16 || option.size() > 40)) return false;
  if (edns.cookie_size != 0) return true;
  edns.cookie_size = static_cast<std::uint8_t>(option.size());
  std::copy(option.begin(), option.end(), edns.cookie.begin());
  return true;
}

bool take_options(Request options, Edns& edns) noexcept {
  while (!options.empty()) {
    if (options.size() < 4) return false;
    const std::uint16_t code = load16(options.data());
    const std::size_t size = load16(options.data() + 2);
    if (options.size() - 4 < size) return false;
    const Request value = options.subspan(4, size);
    if (code == kOptionNsid) edns.nsid = true;
    if (code == kOptionCookie && !take_cookie(value, edns)) return false;
    options = options.subspan(4 + size);
  }
  return true;
}

// `at`: behind the owner name, which was the root's.
bool take_opt(Request request, std::size_t at, Edns& edns) noexcept {
  if (edns.present) return false;  // RFC 6891 6.1.1: two of them are FORMERR
  edns.present = true;
  edns.payload = load16(request.data() + at + 2);
  edns.version = std::to_integer<std::uint8_t>(request[at + 5]);
  edns.dnssec_ok = (byte_at(request, at + 6) & 0x80) != 0;
  const std::size_t size = load16(request.data() + at + 8);
  // The options of a version we do not know may look otherwise.
  return edns.version != 0 || take_options(request.subspan(at + 10, size), edns);
}

// The records behind the question: only the OPT is of interest, but all must parse.
bool take_records(Request request, Question& question) noexcept {
  const unsigned before = load16(request.data() + 6) + load16(request.data() + 8);
  const unsigned all = before + load16(request.data() + 10);
  std::size_t at = question.end;
  for (unsigned i = 0; i < all; ++i) {
    const std::size_t fixed = skip_name(request, at);
    if (fixed == 0 || fixed + 10 > request.size()) return false;
    const std::size_t end = fixed + 10 + load16(request.data() + fixed + 8);
    if (end > request.size()) return false;
    if (load16(request.data() + fixed) == kTypeOpt) {
      const bool in_place = i >= before && fixed == at + 1;  // in the additional section, owned by the root
      if (!in_place || !take_opt(request, fixed, question.edns)) return false;
    }
    at = end;
  }
  return at == request.size();
}

// A request we do not implement, too, gets an OPT back if it had one (RFC 6891 6.1.1);
// its question, whatever that means there, does not go back.
Verdict read_other_opcode(Request request, std::uint64_t seed, Question& question) noexcept {
  const std::uint16_t questions = load16(request.data() + 4);
  if (questions == 0 || (questions == 1 && take_question(request, seed, question))) take_records(request, question);
  question.end = kHeaderSize;
  return Verdict::kNotImp;
}

}  // namespace

Verdict read_question(Request request, std::uint64_t seed, Question& question) noexcept {
  question.end = kHeaderSize;
  question.edns.clear();
  if (request.size() < kHeaderSize || (byte_at(request, 2) & 0x80) != 0) return Verdict::kIgnore;
  if ((byte_at(request, 2) & 0x78) != 0) return read_other_opcode(request, seed, question);
  const std::uint16_t questions = load16(request.data() + 4);
  if (questions > 1) return Verdict::kFormErr;
  if (questions == 1 && !take_question(request, seed, question)) return Verdict::kFormErr;
  if (!take_records(request, question)) return Verdict::kFormErr;
  if (question.edns.version != 0) return Verdict::kBadVers;
  if (questions == 1) return Verdict::kQuestion;
  return question.edns.cookie_size != 0 ? Verdict::kCookieOnly : Verdict::kFormErr;
}

}  // namespace idetcd::resolver
