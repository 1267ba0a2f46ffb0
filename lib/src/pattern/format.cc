#include "pattern/format.h"

#include <algorithm>
#include <charconv>

#include "pattern/utf8.h"

namespace idetcd::pattern {
namespace {

using Kind = PatternValue::Kind;

// Go counts runes, not bytes, when it fills up to the width.
void append_padded(std::string_view text, const FormatSpec& spec, std::string& out) {
  const auto size = count_runes(text);
  const auto wanted = spec.has_width ? static_cast<std::size_t>(spec.width) : 0;
  const auto fill = wanted > size ? wanted - size : 0;
  if (!spec.minus) out.append(fill, spec.zero ? '0' : ' ');
  out += text;
  if (spec.minus) out.append(fill, ' ');
}

std::string digits_of(std::uint64_t magnitude, int base, bool upper) {
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, magnitude, base).ptr;
  if (upper) {
    std::transform(buffer, end, buffer, [](char c) { return c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c; });
  }
  return {buffer, end};
}

std::string_view sharp_prefix(char verb, std::string_view digits) {
  switch (verb) {
    case 'b': return "0b";
    case 'o':
    case 'O': return digits.starts_with('0') ? "" : "0";
    case 'x': return "0x";
    case 'X': return "0X";
    default: return "";
  }
}

int base_of(char verb) {
  switch (verb) {
    case 'b': return 2;
    case 'o':
    case 'O': return 8;
    case 'x':
    case 'X': return 16;
    default: return 10;
  }
}

void append_integer(std::int64_t number, char verb, FormatSpec spec, std::string& out) {
  const bool negative = number < 0;
  const auto magnitude = negative ? 0 - static_cast<std::uint64_t>(number) : static_cast<std::uint64_t>(number);
  auto least = spec.has_precision ? spec.precision : 0;
  const bool zero_fills = spec.zero && !spec.has_precision && spec.has_width;
  spec.zero = false;
  if (spec.has_precision && least == 0 && magnitude == 0) return append_padded("", spec, out);
  if (zero_fills) least = spec.width - (negative || spec.plus || spec.space ? 1 : 0);
  auto digits = digits_of(magnitude, base_of(verb), verb == 'X');
  if (least > static_cast<int>(digits.size())) digits.insert(0, static_cast<std::size_t>(least) - digits.size(), '0');
  std::string text = negative ? "-" : spec.plus ? "+" : spec.space ? " " : "";
  if (verb == 'O') text += "0o";
  if (spec.sharp) text += sharp_prefix(verb, digits);
  append_padded(text + digits, spec, out);
}

bool append_integer_verb(const PatternValue& value, char verb, const FormatSpec& spec, std::string& out) {
  const auto number = value.number;
  switch (verb) {
    case 'v':
      if (spec.sharp_v && value.kind == Kind::kByte) {
        auto hexadecimal = spec;
        hexadecimal.sharp = true;
        append_integer(number, 'x', hexadecimal, out);
        return true;
      }
      [[fallthrough]];
    case 'd':
    case 'b':
    case 'o':
    case 'O':
    case 'x':
    case 'X': append_integer(number, verb, spec, out); return true;
    case 'c': append_padded(encode_rune(static_cast<std::uint64_t>(number)), spec, out); return true;
    default: return false;
  }
}

std::string_view first_runes(std::string_view text, const FormatSpec& spec) {
  if (!spec.has_precision) return text;
  auto rest = text;
  for (int i = 0; i < spec.precision && !rest.empty(); ++i) rest.remove_prefix(decode_rune(rest).size);
  return text.substr(0, text.size() - rest.size());
}

void append_hexadecimal(std::string_view text, char verb, const FormatSpec& spec, std::string& out) {
  if (spec.has_precision) text = text.substr(0, static_cast<std::size_t>(spec.precision));
  const std::string_view prefix = !spec.sharp ? "" : verb == 'X' ? "0X" : "0x";
  std::string shown;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i > 0 && spec.space) shown += ' ';
    if (i == 0 || spec.space) shown += prefix;
    const auto byte = digits_of(static_cast<unsigned char>(text[i]), 16, verb == 'X');
    if (byte.size() == 1) shown += '0';
    shown += byte;
  }
  append_padded(shown, spec, out);
}

bool append_string_verb(std::string_view text, char verb, const FormatSpec& spec, std::string& out) {
  switch (verb) {
    case 's': append_padded(first_runes(text, spec), spec, out); return true;
    case 'x':
    case 'X': append_hexadecimal(text, verb, spec, out); return true;
    case 'v': return !spec.sharp_v && append_string_verb(text, 's', spec, out);
    default: return false;
  }
}

}  // namespace

bool format_value(const PatternValue& value, char verb, FormatSpec spec, std::string& out) {
  if (verb == 'v') {
    spec.sharp_v = spec.sharp;
    spec.sharp = spec.plus = false;
  }
  switch (value.kind) {
    case Kind::kInt:
    case Kind::kByte: return append_integer_verb(value, verb, spec, out);
    case Kind::kString: return append_string_verb(value.text, verb, spec, out);
    case Kind::kBool:
      if (verb != 't' && verb != 'v') return false;
      append_padded(value.number != 0 ? "true" : "false", spec, out);
      return true;
    case Kind::kData: return false;
  }
  return false;
}

}  // namespace idetcd::pattern
