#include "common/corefile/lexer.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

namespace idetcd::app::corefile {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

// The size of the white space at the start of `text`, as Go's unicode.IsSpace has it; 0: none.
std::size_t space_size(std::string_view text) {
  constexpr std::string_view kAscii = " \t\n\v\f\r";
  if (text.empty()) return 0;
  if (kAscii.find(text.front()) != std::string_view::npos) return 1;
  for (const std::string_view space : {"\xc2\x85", "\xc2\xa0", "\xe1\x9a\x80", "\xe2\x80\xa8", "\xe2\x80\xa9",
                                       "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"}) {
    if (text.starts_with(space)) return space.size();
  }
  // U+2000 to U+200A.
  const bool wide = text.starts_with("\xe2\x80") && text.size() > 2 && static_cast<unsigned char>(text[2]) <= 0x8a;
  return wide ? 3 : 0;
}

// The size of the well-formed UTF-8 sequence at the start of `text` (RFC 3629 4); 0: there is none.
std::size_t utf8_size(std::string_view text) {
  const auto byte = [&](std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U; };
  const auto follows = [&](std::size_t at) { return (byte(at) & 0xc0U) == 0x80U; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const bool overlong = first == 0xe0 && byte(1) < 0xa0;
    const bool surrogate = first == 0xed && byte(1) > 0x9f;
    return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool overlong = first == 0xf0 && byte(1) < 0x90;
    const bool too_large = first == 0xf4 && byte(1) > 0x8f;
    return follows(1) && follows(2) && follows(3) && !overlong && !too_large ? 4 : 0;
  }
  return 0;
}

class Lexer {
 public:
  Lexer(std::string_view text, std::shared_ptr<const std::string> file) : rest_(text), file_(std::move(file)) {
    if (rest_.starts_with(kByteOrderMark)) rest_.remove_prefix(kByteOrderMark.size());
  }

  Result<std::vector<Token>> read() {
    while (!problem_ && skip_to_word()) {
      ++number_;
      if (rest_.front() == '"')
        read_quoted();
      else
        read_bare();
    }
    if (problem_) return *problem_;
    return std::move(tokens_);
  }

 private:
  // Past white space and comments. False at the end, and if there is a problem.
  bool skip_to_word() {
    while (!rest_.empty()) {
      if (rest_.front() == '#') {
        rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
      } else if (const std::size_t space = space_size(rest_); space != 0) {
        if (!skip_space(space)) return false;
      } else {
        return true;
      }
    }
    return false;
  }

  bool skip_space(std::size_t size) {
    // CoreDNS would join the words on both sides of it.
    const bool lone = rest_.front() == '\r' && rest_.size() > 1 && rest_[1] != '\n';
    if (rest_.front() == '\n') {
      ++line_;
      number_ = 0;
    }
    rest_.remove_prefix(size);
    if (lone) return fail("a carriage return without a line feed; end lines with LF or CRLF"), false;
    return true;
  }

  void read_bare() {
    Token token{{}, file_, line_, line_, number_};
    while (!rest_.empty() && space_size(rest_) == 0) {
      if (rest_.front() == '#') return fail_word("contains a #; put a space before a comment, or quote the word");
      if (!take_character(token.text)) return;
    }
    tokens_.push_back(std::move(token));
  }

  void read_quoted() {
    Token token{{}, file_, line_, line_, number_, true};
    const int number = number_;
    rest_.remove_prefix(1);
    while (!rest_.empty()) {
      if (rest_.front() == '"') return end_quoted(std::move(token), number);
      if (rest_.front() == '\\' && rest_.size() > 1) {
        if (rest_[1] != '"') token.text += '\\';
        rest_.remove_prefix(1);
      }
      if (rest_.front() == '\n') {
        ++token.last_line;
        number_ = 0;
      }
      if (!take_character(token.text)) return;
    }
    fail(fmt::format("word {} opens a quote that is not closed on this line, nor further down; add a \"", number));
  }

  void end_quoted(Token token, int number) {
    rest_.remove_prefix(1);
    line_ = token.last_line;
    if (!rest_.empty() && space_size(rest_) == 0)
      return fail(fmt::format("word {} needs a space after its closing quote", number));
    if (token.text == "{" || token.text == "}")
      return fail(
          fmt::format("word {} is a quoted brace, which CoreDNS takes for a brace; leave the quotes out", number));
    tokens_.push_back(std::move(token));
  }

  // One character from the text to `word`.
  bool take_character(std::string& word) {
    const std::size_t size = utf8_size(rest_);
    if (rest_.front() == '\0') return fail("not a text file: it contains a zero byte"), false;
    if (size == 0) return fail_word("is not UTF-8 text"), false;
    word += rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }

  void fail_word(std::string_view text) { fail(fmt::format("word {} {}", number_, text)); }
  void fail(std::string_view text) {
    problem_ = Error{ErrorCode::kInvalidArgument, fmt::format("{}:{}: {}", *file_, line_, text)};
  }

  std::string_view rest_;
  std::shared_ptr<const std::string> file_;
  int line_ = 1;
  int number_ = 0;  // of the word in its line, from 1
  std::vector<Token> tokens_;
  std::optional<Error> problem_;
};

}  // namespace

Result<std::vector<Token>> split_words(std::string_view text, std::shared_ptr<const std::string> file) {
  return Lexer(text, std::move(file)).read();
}

}  // namespace idetcd::app::corefile
