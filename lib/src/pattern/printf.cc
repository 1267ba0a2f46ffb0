#include "pattern/printf.h"

#include <fmt/format.h>

#include <charconv>
#include <string>

#include "pattern/error.h"
#include "pattern/format.h"

namespace idetcd::pattern {
namespace {

using Kind = PatternValue::Kind;

// Walks over the format once. Explicit indices (%[2]d) and stars (%*d) included.
class Printf {
 public:
  Printf(std::string_view format, std::span<const PatternValue> values, PatternScratch& scratch, std::size_t offset)
      : format_(format), values_(values), scratch_(scratch), offset_(offset) {}

  std::string_view run() {
    const auto mark = scratch_.mark();
    while (true) {
      const auto percent = format_.find('%', at_);
      scratch_.append(format_.substr(at_, percent - at_), offset_);
      if (percent == std::string_view::npos) break;
      at_ = percent + 1;
      append_verb(percent);
    }
    if (!reordered_ && next_ < values_.size()) {
      fail(fmt::format("the format {} uses {} of {} arguments", excerpt(format_), next_, values_.size()));
    }
    return scratch_.since(mark);
  }

 private:
  [[noreturn]] void fail(const std::string& message) const { throw PatternError(offset_, "printf: " + message); }

  char peek() const { return at_ < format_.size() ? format_[at_] : '\0'; }

  void append_verb(std::size_t percent) {
    FormatSpec spec;
    parse_flags(spec);
    bool indexed = parse_index();
    indexed = parse_width(spec, indexed);
    if (peek() == '.') {
      if (indexed) fail_verb(percent, "has its index in the wrong place");
      ++at_;
      indexed = parse_precision(spec, parse_index());
    }
    if (!indexed) parse_index();
    if (at_ >= format_.size()) fail(fmt::format("the format {} ends within a verb", excerpt(format_)));
    const char verb = format_[at_++];
    if (verb == '%') return scratch_.append("%", offset_);
    append_formatted(percent, verb, spec);
  }

  void append_formatted(std::size_t percent, char verb, const FormatSpec& spec) {
    const auto& value = next_value();
    std::string text;
    if (!format_value(value, verb, spec, text)) {
      if (is_quoting(value, verb, spec)) fail_verb(percent, "renders quotes or a plus, which no host name can hold");
      fail_verb(percent, fmt::format("cannot format a value of type {}", type_name(value.kind)));
    }
    scratch_.append(text, offset_);
  }

  static bool is_quoting(const PatternValue& value, char verb, const FormatSpec& spec) {
    if (value.kind == Kind::kString) return verb == 'q' || (verb == 'v' && spec.sharp);
    return value.is_integer() && (verb == 'q' || verb == 'U');
  }

  [[noreturn]] void fail_verb(std::size_t percent, std::string_view what) const {
    fail(fmt::format("{} {}", excerpt(format_.substr(percent, at_ - percent)), what));
  }

  const PatternValue& next_value() {
    if (next_ >= values_.size()) {
      fail(fmt::format("the format {} wants more than {} argument{}", excerpt(format_), values_.size(),
                       values_.size() == 1 ? "" : "s"));
    }
    return values_[next_++];
  }

  void parse_flags(FormatSpec& spec) {
    for (;; ++at_) {
      switch (peek()) {
        case '#': spec.sharp = true; break;
        case '0': spec.zero = !spec.minus; break;
        case '+': spec.plus = true; break;
        case ' ': spec.space = true; break;
        case '-':
          spec.minus = true;
          spec.zero = false;
          break;
        default: return;
      }
    }
  }

  // [n]: the next value is the n-th.
  bool parse_index() {
    if (peek() != '[') return false;
    const auto close = format_.find(']', at_);
    std::size_t index = 0;
    if (close != std::string_view::npos) {
      const char* const end = format_.data() + close;
      const auto [stop, error] = std::from_chars(format_.data() + at_ + 1, end, index);
      if (error != std::errc() || stop != end) index = 0;
    }
    if (index == 0 || index > values_.size()) {
      fail(fmt::format("the format {} has an argument index that is out of range", excerpt(format_)));
    }
    at_ = close + 1;
    next_ = index - 1;
    reordered_ = true;
    return true;
  }

  int checked_width(std::int64_t width) const {
    if (width > kMaxPrintfWidth || width < -kMaxPrintfWidth) {
      fail(fmt::format("the format {} has a width over {}", excerpt(format_), kMaxPrintfWidth));
    }
    return static_cast<int>(width);
  }

  int parse_star() {
    ++at_;
    const auto& value = next_value();
    if (!value.is_integer()) fail(fmt::format("* wants an int, not a {}", type_name(value.kind)));
    return checked_width(value.number);
  }

  // Nothing, or digits.
  bool parse_number(int& number) {
    const auto start = at_;
    number = 0;
    for (; peek() >= '0' && peek() <= '9'; ++at_) number = checked_width(number * 10 + (peek() - '0'));
    return at_ > start;
  }

  // Both return whether an index still waits for its verb.
  bool parse_width(FormatSpec& spec, bool indexed) {
    if (peek() != '*') {
      spec.has_width = parse_number(spec.width);
      if (indexed && spec.has_width) fail(fmt::format("the format {} has a width after an index", excerpt(format_)));
      return indexed;
    }
    spec.width = parse_star();
    spec.has_width = true;
    if (spec.width < 0) {
      spec.width = -spec.width;
      spec.minus = true;
      spec.zero = false;
    }
    return false;
  }

  bool parse_precision(FormatSpec& spec, bool indexed) {
    spec.has_precision = true;
    if (peek() != '*') {
      parse_number(spec.precision);
      return indexed;
    }
    spec.precision = parse_star();
    if (spec.precision < 0) fail("a precision is not negative");
    return false;
  }

  std::string_view format_;
  std::span<const PatternValue> values_;
  PatternScratch& scratch_;
  std::size_t offset_;
  std::size_t at_ = 0;
  std::size_t next_ = 0;  // value
  bool reordered_ = false;
};

}  // namespace

std::string_view go_sprint(std::span<const PatternValue> values, PatternScratch& scratch, std::size_t offset) {
  const auto mark = scratch.mark();
  bool after_string = true;
  for (const auto& value : values) {
    const bool is_string = value.kind == Kind::kString;
    if (!is_string && !after_string) scratch.append(" ", offset);
    std::string text;
    if (is_string) {
      scratch.append(value.text, offset);
    } else if (format_value(value, 'v', {}, text)) {
      scratch.append(text, offset);
    } else {
      throw PatternError(offset, "the data as a whole has no text of its own; use .ID");
    }
    after_string = is_string;
  }
  return scratch.since(mark);
}

std::string_view go_sprintf(std::string_view format, std::span<const PatternValue> values, PatternScratch& scratch,
                            std::size_t offset) {
  return Printf(format, values, scratch, offset).run();
}

}  // namespace idetcd::pattern
