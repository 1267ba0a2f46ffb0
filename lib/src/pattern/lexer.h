// Cuts a pattern into tokens, with Go's rules for delimiters, comments and trimming.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace idetcd::pattern {

struct PatternToken {
  enum class Kind {
    kText,  // outside of actions, trimmed
    kOpen,
    kClose,
    kSpace,
    kAssign,   // =
    kDeclare,  // :=
    kPipe,
    kLeftParen,
    kRightParen,
    kString,     // "..." with its quotes
    kRawString,  // `...` with its quotes
    kCharacter,  // '...' with its quotes
    kNumber,
    kVariable,    // with its $
    kField,       // with its dot
    kDot,         // alone
    kIdentifier,  // functions, keywords, true, false, nil
    kEnd,
  };

  Kind kind;
  std::size_t offset;     // into the pattern
  std::string_view text;  // a view of the pattern
};

// The last token is always kEnd. Throws PatternError. The tokens live as long as `pattern`.
std::vector<PatternToken> tokenize_pattern(std::string_view pattern);

}  // namespace idetcd::pattern
