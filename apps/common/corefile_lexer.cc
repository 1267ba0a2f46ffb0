#include "corefile_lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace idetcd::app {
namespace {

constexpr std::string_view kBlank = " \t\v\f\r";

bool is_blank(char c) {
  return kBlank.find(c) != std::string_view::npos;
}

// One line being cut into words; a problem found on the way.
class Line {
 public:
  explicit Line(std::string_view text) : rest_(text) {}

  // The next word; none at the end of the line, and none with problem() set.
  std::optional<CorefileWord> next() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(kBlank), rest_.size()));
    if (rest_.empty() || rest_.front() == '#') return std::nullopt;
    ++number_;
    return rest_.front() == '"' ? quoted() : bare();
  }

  const std::string& problem() const { return problem_; }

 private:
  std::optional<CorefileWord> bare() {
    const auto end = static_cast<std::size_t>(std::ranges::find_if(rest_, is_blank) - rest_.begin());
    const std::string_view word = rest_.substr(0, end);
    rest_.remove_prefix(end);
    // CoreDNS would cut the word here without a sound.
    if (word.find('#') != std::string_view::npos) {
      return fail("contains a #; put a space before a comment, or quote the word");
    }
    if (has_placeholder(word)) {
      return fail("is an environment placeholder, which is not supported; set IDETCD_... variables instead");
    }
    return CorefileWord{std::string(word), false};
  }

  std::optional<CorefileWord> quoted() {
    CorefileWord word{{}, true};
    for (std::size_t at = 1; at < rest_.size(); ++at) {
      if (rest_[at] == '"') {
        rest_.remove_prefix(at + 1);
        if (!rest_.empty() && !is_blank(rest_.front())) {
          return fail("needs a space after its closing quote");
        }
        return word;
      }
      if (rest_[at] == '\\' && at + 1 < rest_.size() && rest_[at + 1] == '"') ++at;
      word.text += rest_[at];
    }
    return fail("opens a quote that is not closed on this line; add a \"");
  }

  // "{$HOME}" or "{%HOME%}", which CoreDNS replaces; not the "{{$.ID}}" of a pattern.
  static bool has_placeholder(std::string_view word) {
    for (std::size_t at = 0; at + 1 < word.size(); ++at) {
      if (word[at] != '{' || (word[at + 1] != '$' && word[at + 1] != '%')) continue;
      if (at == 0 || word[at - 1] != '{') return true;
    }
    return false;
  }

  // Names the word by its number: it may be a password.
  std::optional<CorefileWord> fail(std::string_view problem) {
    problem_ = fmt::format("word {} {}", number_, problem);
    return std::nullopt;
  }

  std::string_view rest_;
  int number_ = 0;  // of the word, from 1
  std::string problem_;
};

}  // namespace

Result<std::vector<CorefileLine>> split_corefile(std::string_view text, std::string_view file) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  std::vector<CorefileLine> lines;
  for (int number = 1; !text.empty(); ++number) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view raw = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (raw.find('\0') != std::string_view::npos) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("{}:{}: not a text file: it contains a zero byte", file, number)};
    }
    CorefileLine line{number, {}};
    Line words(raw);
    while (auto word = words.next()) line.words.push_back(std::move(*word));
    if (!words.problem().empty()) {
      return Error{ErrorCode::kInvalidArgument, fmt::format("{}:{}: {}", file, number, words.problem())};
    }
    if (!line.words.empty()) lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace idetcd::app
