// The structure of a Corefile, as the parser of Caddy 1 sees it, which CoreDNS uses: server
// blocks with their keys, and the words of each directive.
//
// Snippets, imports and environment variables are resolved here. What a directive's words mean
// is not known here, nor whether there is such a directive.
#pragma once

#include <idetcd/result.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/corefile/token.h"
#include "common/corefile/variables.h"

namespace idetcd::app::corefile {

struct Directive {
  Token name;
  std::vector<Token> words;  // all that follow, with those of its block and the braces
};

struct ServerBlock {
  std::vector<Token> keys;  // without their commas; at least one
  std::vector<Directive> directives;
};

struct Document {
  std::vector<ServerBlock> blocks;    // up to the problem
  std::vector<std::string> warnings;  // "FILE:LINE: ..."
  std::optional<Error> problem;       // the first; nothing is read beyond it
  bool braces = false;                // the problem is a brace too few or too many, which may have its cause further up
};

// `file` names `text` in messages, and imports are relative to its folder. Reads the files that
// are imported, and nothing else.
Document parse(std::string_view text, std::string_view file, const Environment& environment);

}  // namespace idetcd::app::corefile
