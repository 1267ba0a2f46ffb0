// The reason why a pattern cannot be used, and how it is shown to a person.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

namespace idetcd::pattern {

// Thrown by the lexer, the parser and the evaluator, and caught in one place:
// PatternTemplate::parse, which makes an Error of it. It never leaves the library.
class PatternError : public std::runtime_error {
 public:
  PatternError(std::size_t offset, const std::string& message) : std::runtime_error(message), offset_(offset) {}

  // The offending byte of the pattern's text.
  std::size_t offset() const noexcept { return offset_; }

 private:
  std::size_t offset_;
};

// `message` with line and column, then the offending line of `text` (a window of it,
// if it is long) and a caret below the byte at `offset`. What cannot be printed is
// shown as '?'.
std::string explain(std::string_view text, std::size_t offset, std::string_view message);

// `text` in double quotes for a message: shortened, and only printable ASCII.
std::string excerpt(std::string_view text);

}  // namespace idetcd::pattern
