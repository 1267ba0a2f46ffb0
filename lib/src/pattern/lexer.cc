#include "pattern/lexer.h"

#include <fmt/format.h>

#include "pattern/error.h"

namespace idetcd::pattern {
namespace {

using Kind = PatternToken::Kind;

constexpr std::string_view kSpaces = " \t\r\n";

bool is_space(char c) {
  return kSpaces.find(c) != std::string_view::npos;
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_word(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  std::vector<PatternToken> run() {
    while (at_ < source_.size()) {
      lex_text();
      if (at_ < source_.size()) lex_delimited();
    }
    emit(Kind::kEnd, at_);
    return std::move(tokens_);
  }

 private:
  char peek(std::size_t ahead = 0) const { return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0'; }
  bool at_end() const { return at_ >= source_.size(); }
  bool starts_with(std::string_view prefix) const { return source_.substr(at_).starts_with(prefix); }
  // " -}}": the space belongs to the marker.
  bool at_trimming_close() const { return is_space(peek()) && source_.substr(at_ + 1).starts_with("-}}"); }

  void emit(Kind kind, std::size_t start) { tokens_.push_back({kind, start, source_.substr(start, at_ - start)}); }
  [[noreturn]] void fail(std::size_t offset, const std::string& message) const { throw PatternError(offset, message); }

  void skip_spaces() {
    while (is_space(peek()) && !at_end()) ++at_;
  }

  void lex_text() {
    const auto start = at_;
    const auto open = source_.find("{{", at_);
    auto text = source_.substr(start, open == std::string_view::npos ? open : open - start);
    at_ = start + text.size();
    if (!at_end() && peek(2) == '-' && is_space(peek(3))) text = text.substr(0, text.find_last_not_of(kSpaces) + 1);
    if (!text.empty()) tokens_.push_back({Kind::kText, start, text});
  }

  void lex_delimited() {
    const auto open = at_;
    at_ += 2;
    if (peek() == '-' && is_space(peek(1))) at_ += 2;
    if (starts_with("/*")) return lex_comment(open);
    tokens_.push_back({Kind::kOpen, open, source_.substr(open, 2)});
    open_parens_ = 0;
    while (!lex_close()) {
      if (at_end()) fail(open, "unclosed action: its \"}}\" is missing");
      lex_token();
    }
  }

  void lex_comment(std::size_t open) {
    const auto end = source_.find("*/", at_ + 2);
    if (end == std::string_view::npos) fail(open, "unclosed comment: its \"*/\" is missing");
    at_ = end + 2;
    const bool trims = at_trimming_close();
    if (trims) at_ += 2;
    if (!starts_with("}}")) fail(at_, "a comment must fill its action: write {{/* ... */}}");
    at_ += 2;
    if (trims) skip_spaces();
  }

  bool lex_close() {
    const bool trims = at_trimming_close();
    if (!trims && !starts_with("}}")) return false;
    if (open_parens_ > 0) fail(at_, "unclosed parenthesis");
    if (trims) at_ += 2;
    at_ += 2;
    emit(Kind::kClose, at_ - 2);
    if (trims) skip_spaces();
    return true;
  }

  void lex_token() {
    const auto start = at_;
    const char c = peek();
    if (is_space(c)) return lex_space();
    if (c == '"' || c == '\'') return lex_quoted(c);
    if (c == '`') return lex_raw();
    if (is_digit(c) || c == '+' || c == '-' || (c == '.' && is_digit(peek(1)))) return lex_number();
    if (c == '.') return lex_word(peek(1) != '\0' && is_word(peek(1)) ? Kind::kField : Kind::kDot);
    if (c == '$') return lex_word(Kind::kVariable);
    if (is_word(c)) return lex_word(Kind::kIdentifier);
    ++at_;
    switch (c) {
      case '=': return emit(Kind::kAssign, start);
      case '|': return emit(Kind::kPipe, start);
      case '(': ++open_parens_; return emit(Kind::kLeftParen, start);
      case ')':
        if (--open_parens_ < 0) fail(start, "no parenthesis is open here");
        return emit(Kind::kRightParen, start);
      case ':':
        if (peek() != '=') fail(start, "expected :=");
        ++at_;
        return emit(Kind::kDeclare, start);
      default: fail_unexpected(start);
    }
  }

  void lex_space() {
    const auto start = at_;
    while (is_space(peek()) && !at_end() && !at_trimming_close()) ++at_;
    emit(Kind::kSpace, start);
  }

  void lex_quoted(char quote) {
    const auto start = at_++;
    for (; peek() != quote; ++at_) {
      if (peek() == '\\') ++at_;
      if (at_end() || peek() == '\n') fail(start, "this quote is not closed on its line");
    }
    ++at_;
    emit(quote == '"' ? Kind::kString : Kind::kCharacter, start);
  }

  void lex_raw() {
    const auto start = at_;
    const auto end = source_.find('`', at_ + 1);
    if (end == std::string_view::npos) fail(start, "this raw string is not closed");
    at_ = end + 1;
    emit(Kind::kRawString, start);
  }

  // Wider than a number, as Go's scanner: the parser says what is wrong with "1.5" or "12ab".
  void lex_number() {
    const auto start = at_++;
    while (is_word(peek()) || peek() == '.') ++at_;
    emit(Kind::kNumber, start);
  }

  void lex_word(Kind kind) {
    const auto start = at_++;
    while (is_word(peek()) && kind != Kind::kDot) ++at_;
    emit(kind, start);
    constexpr std::string_view kTerminators = ".,|:)(";
    if (at_end() || is_space(peek()) || kTerminators.find(peek()) != std::string_view::npos || starts_with("}}"))
      return;
    fail_unexpected(at_);
  }

  [[noreturn]] void fail_unexpected(std::size_t offset) const {
    const char c = source_[offset];
    const auto remedy = c == '{' || c == '}' ? "; an action ends with \"}}\"" : "";
    fail(offset, fmt::format("unexpected {} in an action{}", excerpt(source_.substr(offset, 1)), remedy));
  }

  std::string_view source_;
  std::size_t at_ = 0;
  int open_parens_ = 0;
  std::vector<PatternToken> tokens_;
};

}  // namespace

std::vector<PatternToken> tokenize_pattern(std::string_view pattern) {
  return Lexer(pattern).run();
}

}  // namespace idetcd::pattern
