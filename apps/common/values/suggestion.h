// "Did you mean": the known word that is nearest to one that is not known.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace idetcd::app {

// The one of `known` with the smallest edit distance from `word` (insertions, deletions, replacements and
// swapped neighbours, regardless of case); empty if none is near: at most one edit for three letters, at least one.
std::string_view nearest(std::string_view word, std::span<const std::string_view> known);

// "; did you mean \"limit\"?", or nothing.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> known);

}  // namespace idetcd::app
