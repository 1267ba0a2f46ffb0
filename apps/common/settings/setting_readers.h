// How the table of settings reads values.
//
// Each leaves its target unchanged when it returns an Error, whose message says what is
// wrong with the value and what to write instead.
#pragma once

#include <idetcd/result.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/values/values.h"

namespace idetcd::app {

inline Error wrong(std::string message) {
  return {ErrorCode::kInvalidArgument, std::move(message)};
}

// The items of all arguments: a list may be written with commas, blanks or both.
inline std::vector<std::string> items(std::span<const std::string> arguments) {
  std::vector<std::string> all;
  for (const std::string& argument : arguments) std::ranges::move(split_list(argument), std::back_inserter(all));
  return all;
}

// Reads every item with `parse` into `target`, replacing what was there.
template <class T, class Parse>
Status read_list(std::span<const std::string> arguments, std::vector<T>& target, Parse parse,
                 std::string_view example) {
  std::vector<T> values;
  for (const std::string& item : items(arguments)) {
    auto value = parse(item);
    if (!value) return value.error();
    values.push_back(std::move(*value));
  }
  if (values.empty()) return wrong(fmt::format("the list is empty; expected at least one, e.g. {}", example));
  target = std::move(values);
  return {};
}

// As read_list, for texts that are checked elsewhere.
inline Status read_texts(std::span<const std::string> arguments, std::vector<std::string>& target,
                         std::string_view example) {
  return read_list(
      arguments, target, [](const std::string& item) -> Result<std::string> { return item; }, example);
}

inline Status read_text(std::span<const std::string> arguments, std::string& target, std::string_view example) {
  if (arguments.front().empty()) return wrong(fmt::format("is empty; expected e.g. {}", example));
  target = arguments.front();
  return {};
}

inline Status read_duration(std::span<const std::string> arguments, std::chrono::seconds& target,
                            std::chrono::seconds max = std::chrono::seconds::max()) {
  const auto value = parse_duration(arguments.front());
  if (!value) return value.error();
  if (*value > max)
    return wrong(fmt::format("{} s is out of range; expected 0 s to {} s", value->count(), max.count()));
  target = *value;
  return {};
}

template <class T, std::size_t kCount>
Status read_choice(std::span<const std::string> arguments, T& target,
                   const std::array<std::pair<std::string_view, T>, kCount>& choices) {
  std::string names;
  for (const auto& [name, value] : choices) {
    if (arguments.front() == name) {
      target = value;
      return {};
    }
    names += fmt::format("{}{}", names.empty() ? "" : ", ", name);
  }
  return wrong(fmt::format("unknown value \"{}\"; expected one of: {}", arguments.front(), names));
}

}  // namespace idetcd::app
