#include "pattern/builtins.h"

#include <fmt/format.h>

#include <algorithm>

#include "pattern/error.h"
#include "pattern/functions.h"

namespace idetcd::pattern {
namespace {

using Kind = PatternValue::Kind;

// An int and a byte are comparable, as all integers are in Go's templates.
bool comparable(const PatternValue& a, const PatternValue& b) {
  return a.kind == b.kind || (a.is_integer() && b.is_integer());
}

[[noreturn]] void fail_comparison(PatternFunction comparison, const PatternValue& a, const PatternValue& b,
                                  std::size_t offset) {
  throw PatternError(offset, fmt::format("{} cannot compare values of type {} and {}", signature_of(comparison).name,
                                         type_name(a.kind), type_name(b.kind)));
}

bool equal(const PatternValue& a, const PatternValue& b, std::size_t offset) {
  if (!comparable(a, b)) fail_comparison(PatternFunction::kEq, a, b, offset);
  if (a.kind == Kind::kData) return true;  // there is only one
  return a.kind == Kind::kString ? a.text == b.text : a.number == b.number;
}

// -1, 0 or 1.
int order(PatternFunction comparison, const PatternValue& a, const PatternValue& b, std::size_t offset) {
  const bool ordered = comparable(a, b) && (a.is_integer() || a.kind == Kind::kString);
  if (!ordered) fail_comparison(comparison, a, b, offset);
  if (a.kind == Kind::kString) return std::clamp(a.text.compare(b.text), -1, 1);
  return a.number < b.number ? -1 : a.number > b.number ? 1 : 0;
}

}  // namespace

bool pattern_compare(PatternFunction comparison, std::span<const PatternValue> arguments, std::size_t offset) {
  const auto& a = arguments[0];
  const auto& b = arguments[1];
  switch (comparison) {
    case PatternFunction::kEq:
      return std::any_of(arguments.begin() + 1, arguments.end(),
                         [&](const PatternValue& other) { return equal(a, other, offset); });
    case PatternFunction::kNe: return !equal(a, b, offset);
    case PatternFunction::kLt: return order(comparison, a, b, offset) < 0;
    case PatternFunction::kLe: return order(comparison, a, b, offset) <= 0;
    case PatternFunction::kGt: return order(comparison, a, b, offset) > 0;
    default: return order(comparison, a, b, offset) >= 0;
  }
}

PatternValue pattern_length(const PatternValue& value, std::size_t offset) {
  if (value.kind == Kind::kString) return {Kind::kInt, static_cast<std::int64_t>(value.text.size()), {}};
  throw PatternError(offset, fmt::format("len wants a string, not a value of type {}", type_name(value.kind)));
}

PatternValue pattern_index(std::span<const PatternValue> arguments, std::size_t offset) {
  auto value = arguments[0];
  for (const auto& index : arguments.subspan(1)) {
    if (value.kind != Kind::kString || !index.is_integer()) {
      throw PatternError(offset, fmt::format("index wants a string and an int, not a {} and a {}",
                                             type_name(value.kind), type_name(index.kind)));
    }
    if (index.number < 0 || index.number >= static_cast<std::int64_t>(value.text.size())) {
      throw PatternError(offset,
                         fmt::format("index {} is outside of a string of {} bytes", index.number, value.text.size()));
    }
    const auto byte = static_cast<unsigned char>(value.text[static_cast<std::size_t>(index.number)]);
    value = {Kind::kByte, byte, {}};
  }
  return value;
}

}  // namespace idetcd::pattern
