#include "common/corefile/variables.h"

#include <cstddef>

namespace idetcd::app::corefile {
namespace {

constexpr int kMaxReplacements = 100;  // more than anybody writes: a value that contains itself
constexpr std::size_t kMaxWord = 64 * 1024;

// Where `begin` is next, but for the {{$ of a pattern.
std::size_t find_reference(const std::string& text, std::string_view begin, std::size_t from, bool& kept) {
  for (std::size_t at = text.find(begin, from); at != std::string::npos; at = text.find(begin, at + 1)) {
    if (at == 0 || text[at - 1] != '{') return at;
    kept = true;
  }
  return std::string::npos;
}

Status replace(Substituted& word, std::string_view begin, std::string_view end, const Environment& environment) {
  for (int count = 0;; ++count) {
    const std::size_t at = find_reference(word.text, begin, 0, word.kept);
    if (at == std::string::npos) return {};
    const std::size_t name_at = at + begin.size();
    const std::size_t closed = word.text.find(end, at);
    // As CoreDNS, which ends here: without an end or a name it is no reference.
    if (closed == std::string::npos || closed <= name_at) return {};
    const std::string name = word.text.substr(name_at, closed - name_at);
    const auto value = environment(name);
    if (!value)
      return Error{ErrorCode::kInvalidArgument,
                   "names an environment variable that is not set; set it, also if it is to be empty"};
    word.text.replace(at, closed + end.size() - at, *value);
    if (count == kMaxReplacements || word.text.size() > kMaxWord)
      return Error{ErrorCode::kInvalidArgument, "names an environment variable whose value has variables without end"};
  }
}

}  // namespace

Result<Substituted> substitute(std::string_view text, const Environment& environment) {
  Substituted word{std::string(text)};
  if (auto done = replace(word, "{%", "%}", environment); !done) return done.error();
  if (auto done = replace(word, "{$", "}", environment); !done) return done.error();
  return word;
}

}  // namespace idetcd::app::corefile
