// The functions of text/template that compare and measure. and, or and not, which need not
// evaluate all of their arguments, are the evaluator's own.
#pragma once

#include <cstddef>
#include <span>

#include "pattern/ast.h"
#include "pattern/value.h"

namespace idetcd::pattern {

// All throw PatternError at `offset` where Go's function returns an error. The number
// of arguments has been checked by the parser.

// eq, ne, lt, le, gt or ge; eq: the first equals any of the others.
bool pattern_compare(PatternFunction comparison, std::span<const PatternValue> arguments, std::size_t offset);

PatternValue pattern_length(const PatternValue& value, std::size_t offset);

// The byte of a string; without an index, the value itself.
PatternValue pattern_index(std::span<const PatternValue> arguments, std::size_t offset);

}  // namespace idetcd::pattern
