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
  if (text.size() > kCapacity - text_.size()) {
    throw PatternError(offset, fmt::format("rendering one name takes more than {} bytes of text", kCapacity));
  }
  text_.append(text);
}

}  // namespace idetcd::pattern
