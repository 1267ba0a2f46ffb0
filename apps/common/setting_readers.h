// How the table of settings reads what it is told, into where it belongs.
//
// Each leaves its target alone when it returns an Error; that one says what is wrong
// with the value and what to write instead.
#pragma once

#include <idetcd/result.h>

#include "values.h"

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
  if (values.empty()) return wrong(fmt::format("the list is empty; name at least one, as {}", example));
  target = std::move(values);
  return {};
}

inline Status read_text(std::span<const std::string> arguments, std::string& target, std::string_view example) {
  if (arguments.front().empty()) return wrong(fmt::format("the value is empty; write for example {}", example));
  target = arguments.front();
  return {};
}

inline Status read_duration(std::span<const std::string> arguments, std::chrono::seconds& target,
                            std::chrono::seconds least, std::chrono::seconds most) {
  const auto value = parse_duration(arguments.front());
  if (!value) return value.error();
  if (*value < least || *value > most) {
    return wrong(fmt::format("{} s is out of range; write {} s to {} s", value->count(), least.count(), most.count()));
  }
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
  return wrong(fmt::format("\"{}\" is not known; write one of: {}", arguments.front(), names));
}

}  // namespace idetcd::app
