// Go's fmt.Sprint and fmt.Sprintf for the values of a pattern.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "pattern/value.h"

namespace idetcd::pattern {

// The widest field and the longest precision; Go goes on to a million.
inline constexpr int kMaxPrintfWidth = 1000;

// Both put the text into `scratch` and return a view of it. The arguments may be
// views of `scratch`. What Go would answer with `%!`, what format_value refuses, and widths
// beyond the bound are a PatternError at `offset`.
std::string_view go_sprint(std::span<const PatternValue> values, PatternScratch& scratch, std::size_t offset);
std::string_view go_sprintf(std::string_view format, std::span<const PatternValue> values, PatternScratch& scratch,
                            std::size_t offset);

}  // namespace idetcd::pattern
