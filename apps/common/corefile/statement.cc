#include "common/corefile/statement.h"

#include <cstddef>
#include <span>
#include <utility>

namespace idetcd::app::corefile {
namespace {

Line begin_line(const Token& name) {
  return {name.text, {}, *name.file, name.line};
}

class Reader {
 public:
  explicit Reader(const Directive& directive) : directive_(directive), words_(directive.words) {}

  Result<Statement> read() {
    Statement statement{begin_line(directive_.name), false, {}};
    const Token* before = &directive_.name;
    for (; at_ < words_.size() && !now().is("{"); before = &now(), ++at_)
      statement.head.arguments.push_back(now().text);
    if (at_ == words_.size()) return statement;
    if (begins_line(*before, now()))
      return problem_at(now(), fmt::format("the opening brace must be on the line of \"{}\"", directive_.name.text));
    statement.has_block = true;
    if (auto read = read_block(statement); !read) return read.error();
    return statement;
  }

 private:
  const Token& now() const { return words_[at_]; }
  bool ends_line() const { return at_ + 1 == words_.size() || begins_line(now(), words_[at_ + 1]); }

  // The parser has seen that it is closed.
  Status read_block(Statement& statement) {
    if (!ends_line())
      return problem_at(now(),
                        fmt::format("\"{}\" after the opening brace; put it on its own line", words_[at_ + 1].text));
    for (++at_; at_ < words_.size(); ++at_) {
      if (now().is("}")) return check_closing();
      if (auto read = read_line(statement); !read) return read;
    }
    return {};
  }

  Status check_closing() const {
    if (at_ + 1 == words_.size()) return {};
    return problem_at(now(),
                      fmt::format("\"{}\" after the closing brace; put it on its own line", words_[at_ + 1].text));
  }

  // On return `at_` is at the line's last word.
  Status read_line(Statement& statement) {
    Line line = begin_line(now());
    for (const Token* word = &now();; word = &words_[++at_]) {
      if (word->is("{")) return problem_at(*word, fmt::format("\"{}\" has no block; remove the brace", line.name));
      if (word->is("}")) return problem_at(*word, "a closing brace must be on its own line");
      line.arguments.push_back(word->text);
      if (ends_line()) break;
    }
    line.arguments.erase(line.arguments.begin());  // its name
    statement.block.push_back(std::move(line));
    return {};
  }

  const Directive& directive_;
  const std::span<const Token> words_;
  std::size_t at_ = 0;
};

}  // namespace

Result<Statement> read_statement(const Directive& directive) {
  return Reader(directive).read();
}

}  // namespace idetcd::app::corefile
