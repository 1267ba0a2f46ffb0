#include "pattern/scope.h"

#include <fmt/format.h>

#include <algorithm>

#include "pattern/parser.h"

namespace idetcd::pattern {

std::uint32_t PatternScope::number_of(const PatternToken& token) {
  const auto found = std::find(names_.begin(), names_.end(), token.text);
  const auto number = static_cast<std::uint32_t>(found - names_.begin());
  if (found == names_.end()) names_.emplace_back(token.text);
  return number;
}

std::uint32_t PatternScope::declare(const PatternToken& token) {
  reachable_.push_back(number_of(token));
  return reachable_.back();
}

std::uint32_t PatternScope::find(const PatternToken& token) {
  const auto number = number_of(token);
  if (std::find(reachable_.begin(), reachable_.end(), number) == reachable_.end()) {
    fail_at(token, fmt::format("{} is not declared; declare it with {} := ...", token.text, token.text));
  }
  return number;
}

PatternScope::Parenthesis::Parenthesis(PatternScope& scope, const PatternToken& token) : scope_(scope) {
  if (scope_.depth_ == kMaxPatternDepth) {
    fail_at(token, fmt::format("parentheses and blocks are nested over {} deep", kMaxPatternDepth));
  }
  ++scope_.depth_;
}

}  // namespace idetcd::pattern
