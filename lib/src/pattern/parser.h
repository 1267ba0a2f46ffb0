// Pattern text to PatternAst.
#pragma once

#include <string_view>

#include "pattern/ast.h"

namespace idetcd::pattern {

// Parentheses and blocks together; bounds the stack of parser and evaluator.
inline constexpr int kMaxPatternDepth = 64;

// Throws PatternError. Stricter than Go in code that is never reached: calls with a
// wrong number of arguments, and arguments to what is not a function, are refused here.
PatternAst parse_pattern(std::string_view pattern);

}  // namespace idetcd::pattern
