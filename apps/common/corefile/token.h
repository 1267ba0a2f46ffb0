// Token: a word of a Corefile, and where it stands.
#pragma once

#include <idetcd/result.h>

#include <fmt/format.h>

#include <memory>
#include <string>
#include <string_view>

namespace idetcd::app::corefile {

// One expansion of an import, within that of its parent.
struct Expansion {
  std::string name;  // of the file or snippet
  std::shared_ptr<const Expansion> parent;
};

struct Token {
  std::string text;
  std::shared_ptr<const std::string> file;
  int line = 1;          // from 1
  int last_line = 1;     // a quoted word may have several lines
  int number = 1;        // in its line, from 1: messages name a word that may be a password by it
  bool literal = false;  // quoted or from a variable: never a brace
  std::shared_ptr<const Expansion> expansion{};  // null: not imported

  bool is(std::string_view bare) const { return !literal && text == bare; }
  // "Corefile:4"
  std::string place() const { return fmt::format("{}:{}", *file, line); }
};

// Whether `next` begins a line of its own. What an import brings does, and what follows it.
inline bool begins_line(const Token& before, const Token& next) {
  return before.expansion != next.expansion || before.file != next.file || before.last_line < next.line;
}

inline Error problem_at(const Token& token, std::string_view text) {
  return {ErrorCode::kInvalidArgument, fmt::format("{}: {}", token.place(), text)};
}

}  // namespace idetcd::app::corefile
