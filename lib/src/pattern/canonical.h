// PatternAst back to text, in one spelling.
#pragma once

#include <string>

#include "pattern/ast.h"

namespace idetcd::pattern {

// Text outside of actions is lower-cased, as the names are. Equal ASTs give equal texts, and
// parsing the text gives the AST again, but for offsets and the case of that text.
std::string canonical_pattern(const PatternAst& ast);

}  // namespace idetcd::pattern
