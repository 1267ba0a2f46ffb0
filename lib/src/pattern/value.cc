#include "pattern/value.h"

#include <fmt/format.h>

#include "pattern/error.h"

namespace idetcd::pattern {

std::string_view type_name(PatternValue::Kind kind) noexcept {
  switch (kind) {
    case PatternValue::Kind::kInt: return "int";
    case PatternValue::Kind::kByte: return "uint8";
    case PatternValue::Kind::kBool: return "bool";
    case PatternValue::Kind::kString: return "string";
    case PatternValue::Kind::kData: return "struct";
  }
  return "";
}

void PatternScratch::append(std::string_view text, std::size_t offset) {
  check(text.size(), offset);
  text_.append(text);
}

void PatternScratch::append(std::size_t count, char fill, std::size_t offset) {
  check(count, offset);
  text_.append(count, fill);
}

void PatternScratch::check(std::size_t more, std::size_t offset) const {
  if (more <= kCapacity - text_.size()) return;
  throw PatternError(offset, fmt::format("rendering one name takes more than {} bytes of text", kCapacity));
}

}  // namespace idetcd::pattern
