#include "pattern/evaluator.h"

#include <fmt/format.h>

#include <algorithm>

#include "pattern/builtins.h"
#include "pattern/error.h"
#include "pattern/printf.h"

namespace idetcd::pattern {

using OperandKind = PatternOperand::Kind;
using Binding = PatternPipe::Binding;

std::string_view PatternEvaluator::render(std::uint32_t id) {
  id_ = id;
  out_.clear();
  scratch_.clear();
  arguments_.clear();
  variables_.assign(1, {0, Value{}});
  walk(ast_.nodes, Value{});
  return out_;
}

void PatternEvaluator::walk(const std::vector<PatternNode>& nodes, const Value& dot) {
  for (const auto& node : nodes) {
    switch (node.kind) {
      case PatternNode::Kind::kText: write(node.text, 0); break;
      case PatternNode::Kind::kIf: walk_if(node, dot); break;
      case PatternNode::Kind::kWith: walk_with(node, dot); break;
      case PatternNode::Kind::kAction: {
        const auto value = evaluate(node.pipe, dot);
        if (node.pipe.binding != Binding::kNone) break;
        write(go_sprint({&value, 1}, scratch_, node.pipe.offset), node.pipe.offset);
        break;
      }
    }
  }
}

// Variables of a condition live until the end of the whole block, as in Go, where
// `else if` is an `if` within the `else`.
void PatternEvaluator::walk_if(const PatternNode& node, const Value& dot) {
  const auto mark = variables_.size();
  const auto taken = std::find_if(node.branches.begin(), node.branches.end(), [&](const PatternBranch& branch) {
    return evaluate(branch.condition, dot).is_true();
  });
  walk(taken == node.branches.end() ? node.otherwise : taken->body, dot);
  variables_.resize(mark);
}

void PatternEvaluator::walk_with(const PatternNode& node, const Value& dot) {
  const auto mark = variables_.size();
  const auto value = evaluate(node.branches[0].condition, dot);
  if (value.is_true()) {
    walk(node.branches[0].body, value);
  } else {
    walk(node.otherwise, dot);
  }
  variables_.resize(mark);
}

void PatternEvaluator::write(std::string_view text, std::size_t offset) {
  if (text.size() > kMaxName - out_.size()) {
    throw PatternError(offset, fmt::format("the name is longer than {} characters", kMaxName - 1));
  }
  out_ += text;
}

PatternValue PatternEvaluator::evaluate(const PatternPipe& pipe, const Value& dot) {
  std::optional<Value> value;
  for (const auto& command : pipe.commands) value = evaluate(command, dot, value);
  if (pipe.binding != Binding::kNone) bind(pipe, *value);
  return *value;
}

void PatternEvaluator::bind(const PatternPipe& pipe, const Value& value) {
  if (pipe.binding == Binding::kDeclare) {
    variables_.emplace_back(pipe.variable, value);
  } else {
    variable(pipe.variable, pipe.offset) = value;
  }
}

PatternValue& PatternEvaluator::variable(std::uint32_t name, std::size_t offset) {
  const auto found =
      std::find_if(variables_.rbegin(), variables_.rend(), [name](const auto& entry) { return entry.first == name; });
  if (found == variables_.rend()) {
    throw PatternError(offset, fmt::format("{} has no value yet", ast_.variables[name]));
  }
  return found->second;
}

PatternValue PatternEvaluator::evaluate(const PatternCommand& command, const Value& dot,
                                        const std::optional<Value>& piped) {
  const auto& callee = command.operands[0];
  if (callee.kind != OperandKind::kFunction) return evaluate(callee, dot);
  if (callee.function == PatternFunction::kAnd || callee.function == PatternFunction::kOr) {
    return choose(command, dot, piped);
  }
  const auto mark = arguments_.size();
  for (auto operand = command.operands.begin() + 1; operand != command.operands.end(); ++operand) {
    const auto value = evaluate(*operand, dot);
    arguments_.push_back(value);
  }
  if (piped) arguments_.push_back(*piped);
  const auto result = call(callee, std::span<const Value>(arguments_).subspan(mark));
  arguments_.resize(mark);
  return result;
}

PatternValue PatternEvaluator::evaluate(const PatternOperand& operand, const Value& dot) {
  switch (operand.kind) {
    case OperandKind::kBool: return {Value::Kind::kBool, operand.integer, {}};
    case OperandKind::kInteger: return {Value::Kind::kInt, operand.integer, {}};
    case OperandKind::kString: return {Value::Kind::kString, 0, operand.text};
    case OperandKind::kFunction: return call(operand, {});
    case OperandKind::kDot: return operand.has_id ? id_of(dot, operand.offset) : dot;
    case OperandKind::kVariable: {
      const auto value = variable(operand.variable, operand.offset);
      return operand.has_id ? id_of(value, operand.offset) : value;
    }
    case OperandKind::kPipe: {
      const auto value = evaluate(*operand.pipe, dot);
      return operand.has_id ? id_of(value, operand.offset) : value;
    }
  }
  return {};
}

PatternValue PatternEvaluator::id_of(const Value& data, std::size_t offset) const {
  if (data.kind == Value::Kind::kData) return {Value::Kind::kInt, id_, {}};
  throw PatternError(offset,
                     fmt::format("a value of type {} has no field .ID; $.ID is the slot's", type_name(data.kind)));
}

// and, or: the first argument that decides, else the last; what follows is not evaluated.
PatternValue PatternEvaluator::choose(const PatternCommand& command, const Value& dot,
                                      const std::optional<Value>& piped) {
  const bool wanted = command.operands[0].function == PatternFunction::kOr;
  Value value;
  for (auto operand = command.operands.begin() + 1; operand != command.operands.end(); ++operand) {
    value = evaluate(*operand, dot);
    if (value.is_true() == wanted) return value;
  }
  return piped.value_or(value);
}

PatternValue PatternEvaluator::call(const PatternOperand& callee, std::span<const Value> arguments) {
  const auto offset = callee.offset;
  switch (callee.function) {
    case PatternFunction::kPrint: return {Value::Kind::kString, 0, go_sprint(arguments, scratch_, offset)};
    case PatternFunction::kPrintf: return {Value::Kind::kString, 0, printf(callee, arguments)};
    case PatternFunction::kLen: return pattern_length(arguments[0], offset);
    case PatternFunction::kIndex: return pattern_index(arguments, offset);
    case PatternFunction::kNot: return {Value::Kind::kBool, arguments[0].is_true() ? 0 : 1, {}};
    default: return {Value::Kind::kBool, pattern_compare(callee.function, arguments, offset) ? 1 : 0, {}};
  }
}

std::string_view PatternEvaluator::printf(const PatternOperand& callee, std::span<const Value> arguments) {
  const auto& format = arguments[0];
  if (format.kind != Value::Kind::kString) {
    throw PatternError(callee.offset, fmt::format("printf wants its format first, a string, not a value of type {}",
                                                  type_name(format.kind)));
  }
  return go_sprintf(format.text, arguments.subspan(1), scratch_, callee.offset);
}

}  // namespace idetcd::pattern
