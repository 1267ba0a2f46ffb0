#include "pattern/cursor.h"

#include <fmt/format.h>

#include "pattern/error.h"

namespace idetcd::pattern {

using Kind = PatternToken::Kind;

const PatternToken& PatternCursor::after() const {
  const auto& following = tokens_[at_ + 1];
  return following.kind == Kind::kSpace ? tokens_[at_ + 2] : following;
}

void PatternCursor::skip_space() {
  if (at(Kind::kSpace)) ++at_;
}

void PatternCursor::expect_close() {
  skip_space();
  if (!at(Kind::kClose)) fail_unexpected(peek(), "\"}}\"");
  ++at_;
}

void fail_at(const PatternToken& token, const std::string& message) {
  throw PatternError(token.offset, message);
}

void fail_unexpected(const PatternToken& token, std::string_view wanted) {
  const auto found = token.kind == Kind::kClose ? "the end of the action" : excerpt(token.text);
  fail_at(token, fmt::format("expected {}, found {}", wanted, found));
}

}  // namespace idetcd::pattern
