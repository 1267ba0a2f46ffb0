#include "pattern/pipe_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

#include "pattern/error.h"
#include "pattern/functions.h"
#include "pattern/literal.h"

namespace idetcd::pattern {
namespace {

using Kind = PatternToken::Kind;
using OperandKind = PatternOperand::Kind;
using Binding = PatternPipe::Binding;

bool can_have_fields(const PatternOperand& operand) {
  return operand.kind == OperandKind::kDot || operand.kind == OperandKind::kVariable;
}

// An argument `(x)` is `x`.
void unwrap(PatternOperand& operand) {
  if (operand.kind != OperandKind::kPipe || !is_single_operand(*operand.pipe)) return;
  auto& only = operand.pipe->commands[0].operands[0];
  if (operand.has_id && (only.has_id || !can_have_fields(only))) return;
  auto inner = std::move(only);
  inner.has_id = inner.has_id || operand.has_id;
  operand = std::move(inner);
}

// `((a b)) | c` is `a b | c`. Only a first command can be in parentheses.
void append_command(PatternPipe& pipe, PatternCommand command) {
  auto& first = command.operands[0];
  const bool wraps = command.operands.size() == 1 && first.kind == OperandKind::kPipe && !first.has_id;
  if (!wraps || first.pipe->binding != Binding::kNone) {
    pipe.commands.push_back(std::move(command));
    return;
  }
  const auto inner = std::move(first.pipe);
  std::move(inner->commands.begin(), inner->commands.end(), std::back_inserter(pipe.commands));
}

void check_count(PatternFunction function, std::size_t count, std::size_t offset) {
  const auto& signature = signature_of(function);
  if (count >= signature.min && count <= signature.max) return;
  const auto* const qualifier = signature.min == signature.max ? "" : "at least ";
  const auto* const plural = signature.min == 1 ? "" : "s";
  throw PatternError(
      offset, fmt::format("{} wants {}{} argument{}, not {}", signature.name, qualifier, signature.min, plural, count));
}

void check_calls(const PatternCommand& command, bool is_first, const PatternToken& start) {
  const auto& callee = command.operands[0];
  const auto arguments = command.operands.size() - 1;
  if (callee.kind == OperandKind::kFunction) {
    check_count(callee.function, arguments + (is_first ? 0 : 1), callee.offset);
  } else if (!is_first) {
    fail_at(start, "only a function can stand after \"|\"");
  } else if (arguments > 0) {
    fail_at(start, fmt::format("{} is not a function and takes no arguments", excerpt(start.text)));
  }
  // A function that is an argument is called without any of its own.
  for (auto operand = command.operands.begin() + 1; operand != command.operands.end(); ++operand) {
    if (operand->kind == OperandKind::kFunction) check_count(operand->function, 0, operand->offset);
  }
}

void parse_identifier(PatternOperand& operand, const PatternToken& token) {
  const auto name = token.text;
  if (name == "true" || name == "false") {
    operand.kind = OperandKind::kBool;
    operand.integer = name == "true" ? 1 : 0;
    return;
  }
  const auto function = find_function(name);
  if (!function) {
    const auto reason = why_unsupported(name);
    if (!reason.empty()) fail_at(token, fmt::format("{} is not supported: {}", name, reason));
    fail_at(token, fmt::format("there is no function {}{}", name, name == "ID" ? "; did you mean .ID?" : ""));
  }
  operand.kind = OperandKind::kFunction;
  operand.function = *function;
}

void set_string(PatternOperand& operand, std::string text) {
  operand.kind = OperandKind::kString;
  operand.text = std::move(text);
}

void set_integer(PatternOperand& operand, std::int64_t integer) {
  operand.kind = OperandKind::kInteger;
  operand.integer = integer;
}

}  // namespace

bool is_single_operand(const PatternPipe& pipe) noexcept {
  return pipe.binding == Binding::kNone && pipe.commands.size() == 1 && pipe.commands[0].operands.size() == 1;
}

PatternPipe PatternPipeParser::parse(Kind end) {
  cursor_.skip_space();
  PatternPipe pipe;
  pipe.offset = cursor_.peek().offset;
  parse_binding(pipe);
  for (cursor_.skip_space(); !cursor_.at(end); cursor_.skip_space()) {
    append_command(pipe, parse_command(pipe.commands.empty()));
  }
  if (pipe.commands.empty()) fail_at(cursor_.peek(), "a value is missing here");
  cursor_.next();
  return pipe;
}

void PatternPipeParser::parse_binding(PatternPipe& pipe) {
  const auto& token = cursor_.peek();
  if (token.kind != Kind::kVariable) return;
  const auto& sign = cursor_.after();
  if (sign.kind != Kind::kDeclare && sign.kind != Kind::kAssign) return;
  if (token.text == "$") fail_at(token, "$ is the data itself and cannot be set");
  const bool declares = sign.kind == Kind::kDeclare;
  pipe.binding = declares ? Binding::kDeclare : Binding::kAssign;
  pipe.variable = declares ? scope_.declare(token) : scope_.find(token);
  cursor_.next();
  cursor_.skip_space();
  cursor_.next();
}

PatternCommand PatternPipeParser::parse_command(bool is_first) {
  PatternCommand command;
  const auto& start = cursor_.peek();
  do {
    command.operands.push_back(parse_operand());
  } while (more_operands());
  check_calls(command, is_first, start);
  if (command.operands.size() > 1) std::for_each(command.operands.begin(), command.operands.end(), unwrap);
  return command;
}

// Whether another operand follows; if not, reads past the "|" that ends the command, if there is one.
bool PatternPipeParser::more_operands() {
  const bool spaced = cursor_.at(Kind::kSpace);
  cursor_.skip_space();
  switch (cursor_.peek().kind) {
    case Kind::kPipe: cursor_.next(); return false;
    case Kind::kClose:
    case Kind::kRightParen: return false;
    default:
      if (!spaced) fail_unexpected(cursor_.peek(), "a space, \"|\" or the end of the action");
      return true;
  }
}

PatternOperand PatternPipeParser::parse_operand() {
  PatternOperand operand;
  const auto& token = cursor_.next();
  operand.offset = token.offset;
  parse_term(operand, token);
  parse_fields(operand, token);
  return operand;
}

void PatternPipeParser::parse_term(PatternOperand& operand, const PatternToken& token) {
  switch (token.kind) {
    case Kind::kDot: return;
    case Kind::kField: return parse_field(operand, token);
    case Kind::kVariable: return parse_variable(operand, token);
    case Kind::kString: return set_string(operand, unquote_string(token.text, token.offset));
    case Kind::kRawString: return set_string(operand, unquote_raw_string(token.text));
    case Kind::kCharacter: return set_integer(operand, parse_character(token.text, token.offset));
    case Kind::kNumber: return set_integer(operand, parse_integer(token.text, token.offset));
    case Kind::kLeftParen: return parse_parenthesis(operand, token);
    case Kind::kIdentifier: return parse_identifier(operand, token);
    default: fail_unexpected(token, "a value");
  }
}

void PatternPipeParser::parse_variable(PatternOperand& operand, const PatternToken& token) {
  operand.variable = scope_.find(token);
  const bool is_dot = token.text == "$" && scope_.dot_is_data();
  operand.kind = is_dot ? OperandKind::kDot : OperandKind::kVariable;
}

void PatternPipeParser::parse_parenthesis(PatternOperand& operand, const PatternToken& token) {
  const PatternScope::Parenthesis nesting(scope_, token);
  operand.kind = OperandKind::kPipe;
  operand.pipe = std::make_unique<PatternPipe>(parse(Kind::kRightParen));
}

void PatternPipeParser::parse_fields(PatternOperand& operand, const PatternToken& term) {
  while (cursor_.at(Kind::kField)) {
    const bool has_fields = can_have_fields(operand) || operand.kind == OperandKind::kPipe;
    if (term.kind == Kind::kDot || !has_fields) {
      fail_at(cursor_.peek(), fmt::format("there is no field {} of {}", cursor_.peek().text, excerpt(term.text)));
    }
    parse_field(operand, cursor_.next());
    unwrap(operand);
  }
}

void PatternPipeParser::parse_field(PatternOperand& operand, const PatternToken& token) {
  if (token.text != ".ID") fail_at(token, fmt::format("there is no field {}: the only field is .ID", token.text));
  if (operand.has_id) fail_at(token, ".ID is a number and has no fields");
  operand.has_id = true;
  uses_id_ = true;
}

}  // namespace idetcd::pattern
