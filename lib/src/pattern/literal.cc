#include "pattern/literal.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "pattern/error.h"
#include "pattern/utf8.h"

namespace idetcd::pattern {
namespace {

// Reads the escapes and plain runes of one quoted literal from left to right.
class QuotedReader {
 public:
  QuotedReader(std::string_view literal, std::size_t offset)
      : quote_(literal.front()), rest_(literal.substr(1, literal.size() - 2)), offset_(offset + 1) {}

  bool done() const { return rest_.empty(); }

  struct Unit {
    std::uint32_t value;
    bool is_byte;  // \x41 and \101 stand for a byte, all others for a rune
  };

  Unit next() {
    if (rest_.front() != '\\') {
      const Rune rune = decode_rune(rest_);
      skip(rune.size);
      return {rune.value, false};
    }
    if (rest_.size() < 2) fail();
    const char c = rest_[1];
    switch (c) {
      case 'x': return {number(2, 2, 16), true};
      case 'u': return {scalar(number(2, 4, 16)), false};
      case 'U': return {scalar(number(2, 8, 16)), false};
      default: break;
    }
    if (c >= '0' && c <= '7') return {number(1, 3, 8), true};
    return {simple_escape(c), false};
  }

 private:
  [[noreturn]] void fail() const {
    throw PatternError(offset_, fmt::format("unknown escape {}", excerpt(rest_.substr(0, 2))));
  }

  void skip(std::size_t size) {
    rest_.remove_prefix(size);
    offset_ += size;
  }

  std::uint32_t simple_escape(char c) {
    constexpr std::string_view kLetters = "abfnrtv\\";
    constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\";
    const auto at = kLetters.find(c);
    if (at == std::string_view::npos && c != quote_) fail();
    skip(2);
    return static_cast<unsigned char>(c == quote_ ? c : kMeanings[at]);
  }

  std::uint32_t number(std::size_t start, std::size_t digits, int base) {
    if (rest_.size() < start + digits) fail();
    std::uint32_t value = 0;
    const char* end = rest_.data() + start + digits;
    const auto [stop, error] = std::from_chars(rest_.data() + start, end, value, base);
    if (error != std::errc() || stop != end || (base == 8 && value > 0xFF)) fail();
    skip(start + digits);
    return value;
  }

  std::uint32_t scalar(std::uint32_t value) const {
    if (value > kMaxRune || (value >= 0xD800 && value <= 0xDFFF)) fail();
    return value;
  }

  char quote_;
  std::string_view rest_;
  std::size_t offset_;
};

// Go allows an underscore between digits, and between the base prefix and a digit.
bool underscores_separate(std::string_view digits, bool after_prefix) {
  bool digit_before = after_prefix;
  for (const char c : digits) {
    if (c == '_' && !digit_before) return false;
    digit_before = c != '_';
  }
  return digit_before;
}

// Removes the prefix.
int parse_base(std::string_view& digits) {
  if (digits.size() < 2 || digits[0] != '0') return 10;
  const char letter = digits[1];
  const int base = letter == 'x' || letter == 'X' ? 16 : letter == 'b' || letter == 'B' ? 2 : 8;
  const bool bare = base == 8 && letter != 'o' && letter != 'O';
  digits.remove_prefix(bare ? 1 : 2);
  return base;
}

[[noreturn]] void fail_number(std::string_view literal, std::size_t offset) {
  const bool hexadecimal = literal.find_first_of("xX") != std::string_view::npos;
  const bool fraction = literal.find('.') != std::string_view::npos;
  const bool exponent = literal.find_first_of(hexadecimal ? "pP" : "eE") != std::string_view::npos;
  if (fraction || exponent || literal.ends_with('i')) {
    throw PatternError(offset, fmt::format("{} is not supported: only integers are", excerpt(literal)));
  }
  throw PatternError(offset, fmt::format("{} is not a number", excerpt(literal)));
}

}  // namespace

std::string unquote_string(std::string_view literal, std::size_t offset) {
  std::string text;
  for (QuotedReader reader(literal, offset); !reader.done();) {
    const auto unit = reader.next();
    if (unit.is_byte) {
      text.push_back(static_cast<char>(unit.value));
    } else {
      text += encode_rune(unit.value);
    }
  }
  return text;
}

std::string unquote_raw_string(std::string_view literal) {
  std::string text(literal.substr(1, literal.size() - 2));
  std::erase(text, '\r');
  return text;
}

std::int64_t parse_character(std::string_view literal, std::size_t offset) {
  if (literal.size() == 2) throw PatternError(offset, "a character constant holds one character");
  QuotedReader reader(literal, offset);
  const auto value = reader.next().value;
  if (!reader.done()) throw PatternError(offset, "a character constant holds one character");
  return value;
}

std::int64_t parse_integer(std::string_view literal, std::size_t offset) {
  auto digits = literal;
  const bool negative = digits.front() == '-';
  if (negative || digits.front() == '+') digits.remove_prefix(1);
  const auto signless = digits;
  const int base = parse_base(digits);
  if (!underscores_separate(digits, digits.size() < signless.size())) fail_number(literal, offset);
  std::string bare(digits);
  std::erase(bare, '_');
  std::uint64_t magnitude = 0;
  const auto [stop, error] = std::from_chars(bare.data(), bare.data() + bare.size(), magnitude, base);
  if (error == std::errc::invalid_argument || stop != bare.data() + bare.size()) fail_number(literal, offset);
  const auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) + (negative ? 1 : 0);
  if (error == std::errc::result_out_of_range || magnitude > most) {
    throw PatternError(offset, fmt::format("{} does not fit an int", excerpt(literal)));
  }
  return static_cast<std::int64_t>(negative ? 0 - magnitude : magnitude);
}

std::string canonical_string(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else if (c >= 0x20 && c <= 0x7e) {
      quoted += c;
    } else {
      quoted += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  return quoted + '"';
}

}  // namespace idetcd::pattern
