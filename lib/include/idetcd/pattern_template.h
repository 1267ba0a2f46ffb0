// PatternTemplate: the one line of configuration that names every node.
//
// The language is the subset of Go's text/template (package documentation, Go
// 1.19) that a name pattern can need, evaluated with exactly Go's results:
// `worker{{.ID}}.tf.local.`, `{{printf "w%03d" .ID}}.x.`, pipelines, trim markers,
// comments, if/else if/else/end, with, variables, eq ne lt le gt ge and or not,
// print, len, index. What Go would render as garbage (`%!s(int=3)`, `<nil>`), what no
// host name can hold (the quotes of `%q`, the plus of `%U`), and what is not supported,
// is refused when parsed, with the position.
#pragma once

#include <idetcd/export.h>
#include <idetcd/result.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace idetcd {

using SlotId = std::uint32_t;  // 1..limit

inline constexpr SlotId kMaxLimit = 1'000'000;

// An immutable value; copies share one rendered table, so copying is cheap. All
// members are safe to call from any thread. No I/O.
class IDETCD_EXPORT PatternTemplate {
 public:
  // Parses `text` and renders every id 1..limit: lower-cased, made absolute (one
  // trailing dot), each a legal host name (RFC 1123 2.1: labels of 1..63 letters,
  // digits and hyphens, 253 characters in all; `_` is allowed with a warning), and
  // all different from each other. Otherwise kInvalidArgument, with Error::option "limit" or
  // "pattern"; the message of a syntax error shows the text with a caret below the
  // offending place.
  static Result<PatternTemplate> parse(std::string_view text, SlotId limit);

  SlotId limit() const noexcept;

  // The name of slot `id`, with the trailing dot. Precondition: 1 <= id <= limit().
  std::string_view render(SlotId id) const noexcept;

  // The inverse of render: the slot whose name is `name`, compared without case;
  // a missing trailing dot is forgiven. O(log limit).
  std::optional<SlotId> match(std::string_view name) const noexcept;

  // The longest constant suffix of whole labels, e.g. "tf.local."; "." if there is none.
  const std::string& zone() const noexcept;

  // The pattern in one spelling: two texts with the same parse have the same one.
  // This is the pool's identity in etcd.
  const std::string& canonical() const noexcept;

  // The least and greatest rendered name in byte order: the etcd key range.
  std::string_view min_name() const noexcept;
  std::string_view max_name() const noexcept;

  // What is legal but likely not meant, one sentence each.
  const std::vector<std::string>& warnings() const noexcept;

 private:
  struct Table;
  explicit PatternTemplate(std::shared_ptr<const Table> table) : table_(std::move(table)) {}
  std::shared_ptr<const Table> table_;
};

}  // namespace idetcd
