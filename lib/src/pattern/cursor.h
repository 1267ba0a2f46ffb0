// A place in the tokens of a pattern, and how to complain about it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "pattern/lexer.h"

namespace idetcd::pattern {

// The lexer has made sure that every kOpen has its kClose, so that after() is allowed
// everywhere within an action.
class PatternCursor {
 public:
  explicit PatternCursor(std::string_view pattern) : tokens_(tokenize_pattern(pattern)) {}

  const PatternToken& peek() const { return tokens_[at_]; }
  bool at(PatternToken::Kind kind) const { return peek().kind == kind; }
  bool at_keyword(std::string_view word) const { return at(PatternToken::Kind::kIdentifier) && peek().text == word; }

  // The token after this one that is not a space.
  const PatternToken& after() const;

  // Precondition: the token is not kEnd.
  const PatternToken& next() { return tokens_[at_++]; }

  // Reads past a space, if there is one, and the action's end. Throws PatternError if that
  // is not next.
  void expect_close();

  void skip_space();

 private:
  std::vector<PatternToken> tokens_;
  std::size_t at_ = 0;
};

// Both throw PatternError.
[[noreturn]] void fail_at(const PatternToken& token, const std::string& message);
[[noreturn]] void fail_unexpected(const PatternToken& token, std::string_view wanted);

}  // namespace idetcd::pattern
