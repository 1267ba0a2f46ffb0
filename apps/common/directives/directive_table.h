// The table of the directives of a server block: those of CoreDNS, and what each is here.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace idetcd::app {

struct DirectiveSpec {
  enum class Role {
    kWorks,
    kNoEffect,  // accepted with a warning: leaving it out changes no answer of this server
    kRefused,   // leaving it out would change answers, or who reads them
  };

  std::string_view name;
  Role role;
  std::string_view reason{};  // why it has no effect, or is refused and what to do instead
  bool repeats = false;       // may be given several times in a block
};

std::span<const DirectiveSpec> all_directives();

// Null: there is none of that name.
const DirectiveSpec* find_directive(std::string_view name);

// In the words of Caddy, with a suggestion.
std::string unknown_directive(std::string_view name);

}  // namespace idetcd::app
