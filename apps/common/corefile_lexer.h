// The words of a Corefile, line by line.
#pragma once

#include <idetcd/result.h>

#include <string>
#include <string_view>
#include <vector>

namespace idetcd::app {

struct CorefileWord {
  std::string text;
  bool quoted = false;

  bool is(std::string_view bare) const { return !quoted && text == bare; }
};

// A line that has words on it; never empty.
struct CorefileLine {
  int number = 0;  // from 1
  std::vector<CorefileWord> words;
};

// Every Error's message starts with "FILE:LINE: ".
Result<std::vector<CorefileLine>> split_corefile(std::string_view text, std::string_view file);

}  // namespace idetcd::app
