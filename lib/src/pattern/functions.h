// The functions of the pattern language: their names and how many arguments they take.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "pattern/ast.h"

namespace idetcd::pattern {

struct PatternSignature {
  std::string_view name;
  std::size_t min;  // arguments, with the one that comes through a pipe
  std::size_t max;
};

const PatternSignature& signature_of(PatternFunction function) noexcept;

std::optional<PatternFunction> find_function(std::string_view name) noexcept;

// Why a pattern cannot use `name`, if it is one of Go's words; empty for any other.
std::string_view why_unsupported(std::string_view name) noexcept;

}  // namespace idetcd::pattern
