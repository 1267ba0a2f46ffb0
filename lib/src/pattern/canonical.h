// PatternAst back to text, in one spelling.
#pragma once

#include <string>

#include "pattern/ast.h"

namespace idetcd::pattern {

// Equal ASTs give equal texts, and parsing the text gives the AST again. Text outside
// of actions is lower-cased, as the names are.
std::string canonical_pattern(const PatternAst& ast);

}  // namespace idetcd::pattern
