// Environment variables in the words of a Corefile: {$NAME} and {%NAME%}.
#pragma once

#include <idetcd/result.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace idetcd::app {

// The value of an environment variable; none if it is not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
inline std::optional<std::string> no_variables(const std::string&) {
  return std::nullopt;
}

}  // namespace idetcd::app

namespace idetcd::app::corefile {

// `text` with the variables' values, as CoreDNS puts them in: first all {%NAME%}, then all
// {$NAME}, also in a value. Three things are not left in silence, as CoreDNS does: a variable
// that is not set is an Error, and so is a value that has itself in it; and the {{$ of a
// pattern is left as it is (`kept` is then true). An Error's message continues "word 2 ...", and
// quotes nothing: the word may be a password.
struct Substituted {
  std::string text;
  bool kept = false;
};
Result<Substituted> substitute(std::string_view text, const Environment& environment);

}  // namespace idetcd::app::corefile
