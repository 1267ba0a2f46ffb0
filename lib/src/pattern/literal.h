// Go's literals: what a quoted string, a character constant and an integer mean,
// and the one spelling in which we write a string.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace idetcd::pattern {

// `literal` is with its quotes, as the lexer cuts it; `offset` is its place in the pattern,
// for the PatternError thrown when it is malformed.
std::string unquote_string(std::string_view literal, std::size_t offset);
std::string unquote_raw_string(std::string_view literal);
std::int64_t parse_character(std::string_view literal, std::size_t offset);

// Decimal, 0x, 0o, 0b and leading-0 octal, with underscores and a sign. Numbers that do not
// fit Go's int (64 bits), floating-point and imaginary ones are refused.
std::int64_t parse_integer(std::string_view literal, std::size_t offset);

// In double quotes and ASCII only; unquote_string gives `text` back.
std::string canonical_string(std::string_view text);

}  // namespace idetcd::pattern
