// Statement: a directive of a Corefile, in lines.
#pragma once

#include <idetcd/result.h>

#include <string>
#include <vector>

#include "common/corefile/parser.h"

namespace idetcd::app::corefile {

// A name and what follows it on its line.
struct Line {
  std::string name;
  std::vector<std::string> arguments;
  std::string file;
  int line = 0;

  std::string place() const { return fmt::format("{}:{}", file, line); }
};

struct Statement {
  Line head;
  bool has_block = false;
  std::vector<Line> block;  // one for each line
};

// CoreDNS reads a brace that is in another place as an argument, or not at all: here it is an
// Error, whose message starts with "FILE:LINE: ".
Result<Statement> read_statement(const Directive& directive);

}  // namespace idetcd::app::corefile
