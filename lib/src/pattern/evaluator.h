// PatternAst and a slot id to the text that Go would write.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pattern/ast.h"
#include "pattern/value.h"

namespace idetcd::pattern {

// Reusable: one evaluator renders all ids. Not thread-safe. `ast` must outlive it.
class PatternEvaluator {
 public:
  // No legal name is longer, with its trailing dot; evaluation stops beyond it.
  static constexpr std::size_t kMaxName = 254;

  explicit PatternEvaluator(const PatternAst& ast) : ast_(ast) {}

  // What the template writes for `id`; the view is valid until the next call. Throws
  // PatternError for what Go fails at or renders as garbage, and beyond kMaxName bytes or
  // the bounds of PatternScratch and printf.
  std::string_view render(std::uint32_t id);

 private:
  using Value = PatternValue;

  void walk(const std::vector<PatternNode>& nodes, const Value& dot);
  void walk_if(const PatternNode& node, const Value& dot);
  void walk_with(const PatternNode& node, const Value& dot);
  void write(std::string_view text, std::size_t offset);

  Value evaluate(const PatternPipe& pipe, const Value& dot);
  void bind(const PatternPipe& pipe, const Value& value);
  Value& variable(std::uint32_t name, std::size_t offset);
  Value evaluate(const PatternCommand& command, const Value& dot, const std::optional<Value>& piped);
  Value evaluate(const PatternOperand& operand, const Value& dot);
  Value id_of(const Value& data, std::size_t offset) const;
  Value choose(const PatternCommand& command, const Value& dot, const std::optional<Value>& piped);
  Value call(const PatternOperand& callee, std::span<const Value> arguments);
  std::string_view printf(const PatternOperand& callee, std::span<const Value> arguments);

  const PatternAst& ast_;
  std::uint32_t id_ = 0;
  std::string out_;
  PatternScratch scratch_;
  std::vector<std::pair<std::uint32_t, Value>> variables_;  // innermost last, as declared
  std::vector<Value> arguments_;                            // of the calls under way
};

}  // namespace idetcd::pattern
