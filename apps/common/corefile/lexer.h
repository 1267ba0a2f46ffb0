// The words of a Corefile, as the lexer of Caddy 1 cuts them, which CoreDNS uses.
//
// Words are separated by white space (Unicode's). A word that begins with a quote goes on to
// the next quote, over several lines if need be; \" in it is a quote, and every other
// backslash stands for itself. A # that is not quoted begins a comment, up to the end of the
// line. What CoreDNS would cut off or join in silence is an Error.
#pragma once

#include <idetcd/result.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/corefile/token.h"

namespace idetcd::app::corefile {

// Every Error's message starts with "FILE:LINE: ". It names a word by its number in its line,
// not by its text: that may be a password.
Result<std::vector<Token>> split_words(std::string_view text, std::shared_ptr<const std::string> file);

}  // namespace idetcd::app::corefile
