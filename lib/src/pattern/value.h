// What an expression of a pattern evaluates to, and where text made on the way is kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace idetcd::pattern {

struct PatternValue {
  // kByte is Go's uint8, what index gives of a string; kData is the struct that has .ID.
  enum class Kind : std::uint8_t { kInt, kByte, kBool, kString, kData };

  Kind kind = Kind::kData;
  std::int64_t number = 0;  // of kInt, kByte and, as 0 or 1, kBool
  std::string_view text;    // of kString; a view into the AST or a PatternScratch

  bool is_integer() const noexcept { return kind == Kind::kInt || kind == Kind::kByte; }
  // What if, with, and, or and not ask.
  bool is_true() const noexcept { return kind == Kind::kData || (kind == Kind::kString ? !text.empty() : number != 0); }
};

// Go's name of the value's type.
std::string_view type_name(PatternValue::Kind kind) noexcept;

// Text that lives until the name is done. It never reallocates, so views stay valid;
// what does not fit is refused with a PatternError, which bounds what a pattern can
// cost: strings can be doubled with `print $x $x`.
class PatternScratch {
 public:
  static constexpr std::size_t kCapacity = 16 * 1024;

  PatternScratch() { text_.reserve(kCapacity); }
  PatternScratch(const PatternScratch&) = delete;
  PatternScratch& operator=(const PatternScratch&) = delete;

  void clear() noexcept { text_.clear(); }
  std::size_t mark() const noexcept { return text_.size(); }
  std::string_view since(std::size_t mark) const noexcept { return std::string_view(text_).substr(mark); }

  // `offset` is the place in the pattern that is to blame if the text does not fit.
  void append(std::string_view text, std::size_t offset);

 private:
  std::string text_;
};

}  // namespace idetcd::pattern
