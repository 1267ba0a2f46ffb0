#include "pattern/functions.h"

#include <array>
#include <limits>
#include <utility>

namespace idetcd::pattern {
namespace {

constexpr auto kAny = std::numeric_limits<std::size_t>::max();

// In the order of PatternFunction.
constexpr std::array<PatternSignature, 13> kSignatures = {{
    {"and", 1, kAny},
    {"or", 1, kAny},
    {"not", 1, 1},
    {"eq", 2, kAny},
    {"ne", 2, 2},
    {"lt", 2, 2},
    {"le", 2, 2},
    {"gt", 2, 2},
    {"ge", 2, 2},
    {"print", 0, kAny},
    {"printf", 1, kAny},
    {"len", 1, 1},
    {"index", 1, kAny},
}};

constexpr std::array<std::pair<std::string_view, std::string_view>, 13> kUnsupported = {{
    {"range", "there is nothing to range over"},
    {"break", "there is no range to leave"},
    {"continue", "there is no range to continue"},
    {"template", "a pattern is one template"},
    {"define", "a pattern is one template"},
    {"block", "a pattern is one template"},
    {"println", "it ends its text with a newline, which no name can hold; use print"},
    {"html", "names hold nothing to escape"},
    {"js", "names hold nothing to escape"},
    {"urlquery", "names hold nothing to escape"},
    {"call", "there are no functions to call"},
    {"slice", "use index or printf with a precision"},
    {"nil", "no value of a pattern is ever nil"},
}};

}  // namespace

const PatternSignature& signature_of(PatternFunction function) noexcept {
  return kSignatures[static_cast<std::size_t>(function)];
}

std::optional<PatternFunction> find_function(std::string_view name) noexcept {
  for (std::size_t i = 0; i < kSignatures.size(); ++i) {
    if (kSignatures[i].name == name) return static_cast<PatternFunction>(i);
  }
  return std::nullopt;
}

std::string_view why_unsupported(std::string_view name) noexcept {
  for (const auto& [word, reason] : kUnsupported) {
    if (word == name) return reason;
  }
  return {};
}

}  // namespace idetcd::pattern
