#include "model/pattern_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "model/pattern_error.h"
#include "model/pattern_functions.h"
#include "model/pattern_lexer.h"
#include "model/pattern_literal.h"

namespace idetcd {
namespace {

using Kind = PatternToken::Kind;
using OperandKind = PatternOperand::Kind;
using Binding = PatternPipe::Binding;

bool is_bare(const PatternPipe& pipe) {
  return pipe.binding == Binding::kNone && pipe.commands.size() == 1;
}
bool is_single_operand(const PatternPipe& pipe) {
  return is_bare(pipe) && pipe.commands[0].operands.size() == 1;
}

// Adjacent texts are one: what stood between them, a comment, is gone.
void append_text(std::vector<PatternNode>& nodes, std::string_view text) {
  if (text.empty()) return;
  if (nodes.empty() || nodes.back().kind != PatternNode::Kind::kText) nodes.emplace_back();
  nodes.back().text += text;
}

class Parser {
 public:
  explicit Parser(std::string_view pattern) : tokens_(tokenize_pattern(pattern)) {
    ast_.variables.emplace_back("$");
    scope_.push_back(0);
  }

  PatternAst run() {
    ast_.nodes = parse_nodes();
    if (peek().kind != Kind::kEnd) fail(peek(), fmt::format("no block is open for {{{{{}}}}}", peek().text));
    return std::move(ast_);
  }

 private:
  // Holds one level of nesting while it lives.
  class Nesting {
   public:
    Nesting(Parser& parser, const PatternToken& token) : depth_(parser.depth_) {
      if (depth_ == kMaxPatternDepth) {
        fail(token, fmt::format("parentheses and blocks are nested over {} deep", kMaxPatternDepth));
      }
      ++depth_;
    }
    ~Nesting() { --depth_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;

   private:
    int& depth_;
  };

  [[noreturn]] static void fail(const PatternToken& token, const std::string& message) {
    throw PatternError(token.offset, message);
  }
  [[noreturn]] static void fail_unexpected(const PatternToken& token, std::string_view wanted) {
    const auto found = token.kind == Kind::kClose ? "the end of the action" : excerpt(token.text);
    fail(token, fmt::format("expected {}, found {}", wanted, found));
  }

  const PatternToken& peek() const { return tokens_[at_]; }
  const PatternToken& next() { return tokens_[at_++]; }
  void skip_space() {
    if (peek().kind == Kind::kSpace) ++at_;
  }
  bool at_keyword(std::string_view word) const { return peek().kind == Kind::kIdentifier && peek().text == word; }
  void expect_close() {
    skip_space();
    if (peek().kind != Kind::kClose) fail_unexpected(peek(), "\"}}\"");
    ++at_;
  }

  // Stops inside of the action that it cannot use: at "end", "else" or the end of the text.
  std::vector<PatternNode> parse_nodes() {
    std::vector<PatternNode> nodes;
    while (true) {
      if (peek().kind == Kind::kEnd) return nodes;
      const auto& token = next();
      if (token.kind == Kind::kText) {
        append_text(nodes, token.text);
        continue;
      }
      skip_space();
      if (at_keyword("end") || at_keyword("else")) return nodes;
      parse_action(nodes);
    }
  }

  void parse_action(std::vector<PatternNode>& nodes) {
    const auto& first = peek();
    if (at_keyword("if") || at_keyword("with")) {
      ++at_;
      nodes.push_back(parse_block(first));
      return;
    }
    PatternNode node;
    node.kind = PatternNode::Kind::kAction;
    node.pipe = parse_pipe(Kind::kClose);
    const bool is_text = is_single_operand(node.pipe) && node.pipe.commands[0].operands[0].kind == OperandKind::kString;
    if (is_text) return append_text(nodes, node.pipe.commands[0].operands[0].text);
    nodes.push_back(std::move(node));
  }

  PatternNode parse_block(const PatternToken& keyword) {
    const Nesting nesting(*this, keyword);
    const auto mark = scope_.size();
    const bool is_with = keyword.text == "with";
    PatternNode node;
    node.kind = is_with ? PatternNode::Kind::kWith : PatternNode::Kind::kIf;
    while (true) {
      node.branches.push_back(parse_branch(is_with));
      if (!at_keyword("else")) break;
      ++at_;
      skip_space();
      if (at_keyword("if") && !is_with) {
        ++at_;
        continue;
      }
      expect_close();
      node.otherwise = parse_nodes();
      break;
    }
    if (!at_keyword("end")) {
      if (peek().kind == Kind::kEnd) fail(keyword, fmt::format("{} has no {{{{end}}}}", keyword.text));
      fail_unexpected(peek(), "{{end}}");
    }
    ++at_;
    expect_close();
    scope_.resize(mark);
    absorb_else_if(node);
    return node;
  }

  PatternBranch parse_branch(bool is_with) {
    PatternBranch branch;
    branch.condition = parse_pipe(Kind::kClose);
    with_depth_ += is_with ? 1 : 0;
    branch.body = parse_nodes();
    with_depth_ -= is_with ? 1 : 0;
    return branch;
  }

  static void absorb_else_if(PatternNode& node) {
    if (node.kind != PatternNode::Kind::kIf || node.otherwise.size() != 1) return;
    if (node.otherwise[0].kind != PatternNode::Kind::kIf) return;
    PatternNode inner = std::move(node.otherwise[0]);
    std::move(inner.branches.begin(), inner.branches.end(), std::back_inserter(node.branches));
    node.otherwise = std::move(inner.otherwise);
  }

  // Takes the token that ends the pipe, too.
  PatternPipe parse_pipe(Kind end) {
    skip_space();
    PatternPipe pipe;
    pipe.offset = peek().offset;
    parse_binding(pipe);
    while (true) {
      skip_space();
      if (peek().kind == end) break;
      append_command(pipe, parse_command(pipe.commands.empty()));
    }
    if (pipe.commands.empty()) fail(peek(), "a value is missing here");
    ++at_;
    return pipe;
  }

  void parse_binding(PatternPipe& pipe) {
    const auto& token = peek();
    if (token.kind != Kind::kVariable) return;
    const auto after = tokens_[at_ + 1].kind == Kind::kSpace ? at_ + 2 : at_ + 1;
    const bool declares = tokens_[after].kind == Kind::kDeclare;
    if (!declares && tokens_[after].kind != Kind::kAssign) return;
    if (token.text == "$") fail(token, "$ is the data itself and cannot be set");
    pipe.binding = declares ? Binding::kDeclare : Binding::kAssign;
    pipe.variable = intern(token.text);
    if (!declares) find_variable(token);
    scope_.push_back(pipe.variable);
    at_ = after + 1;
  }

  // `((a b)) | c` is `a b | c`.
  static void append_command(PatternPipe& pipe, PatternCommand command) {
    auto& first = command.operands[0];
    const bool wraps = command.operands.size() == 1 && first.kind == OperandKind::kPipe && !first.has_id;
    if (!wraps || first.pipe->binding != Binding::kNone) {
      pipe.commands.push_back(std::move(command));
      return;
    }
    const auto inner = std::move(first.pipe);
    std::move(inner->commands.begin(), inner->commands.end(), std::back_inserter(pipe.commands));
  }

  PatternCommand parse_command(bool is_first) {
    PatternCommand command;
    const auto& start = peek();
    while (true) {
      command.operands.push_back(parse_operand());
      const auto& token = peek();
      if (token.kind == Kind::kSpace) {
        ++at_;
        if (starts_operand(peek())) continue;
      }
      if (peek().kind == Kind::kPipe) {
        ++at_;
        break;
      }
      if (peek().kind == Kind::kClose || peek().kind == Kind::kRightParen) break;
      fail_unexpected(peek(), "a space, \"|\" or the end of the action");
    }
    check_call(command, is_first, start);
    if (command.operands.size() > 1) {
      for (auto& operand : command.operands) unwrap(operand);
    }
    return command;
  }

  static bool starts_operand(const PatternToken& token) {
    switch (token.kind) {
      case Kind::kString:
      case Kind::kRawString:
      case Kind::kCharacter:
      case Kind::kNumber:
      case Kind::kVariable:
      case Kind::kField:
      case Kind::kDot:
      case Kind::kIdentifier:
      case Kind::kLeftParen:
        return true;
      default:
        return false;
    }
  }

  static void check_call(const PatternCommand& command, bool is_first, const PatternToken& start) {
    const auto& callee = command.operands[0];
    const auto piped = is_first ? 0 : 1;
    if (callee.kind == OperandKind::kFunction) {
      return check_count(callee.function, command.operands.size() - 1 + piped, start);
    }
    if (!is_first) fail(start, "only a function can stand after \"|\"");
    if (command.operands.size() > 1)
      fail(start, fmt::format("{} is no function, it takes no arguments", excerpt(start.text)));
  }

  static void check_count(PatternFunction function, std::size_t count, const PatternToken& token) {
    const auto& signature = signature_of(function);
    if (count >= signature.least && count <= signature.most) return;
    const auto qualifier = signature.least == signature.most ? "" : "at least ";
    fail(token, fmt::format("{} wants {}{} argument{}, not {}", signature.name, qualifier, signature.least,
                            signature.least == 1 ? "" : "s", count));
  }

  // An argument `(x)` is `x`.
  static void unwrap(PatternOperand& operand) {
    if (operand.kind != OperandKind::kPipe || !is_single_operand(*operand.pipe)) return;
    const auto& only = operand.pipe->commands[0].operands[0];
    const bool has_fields = only.kind == OperandKind::kDot || only.kind == OperandKind::kVariable;
    if (operand.has_id && (only.has_id || !has_fields)) return;
    auto inner = std::move(operand.pipe->commands[0].operands[0]);
    inner.has_id = inner.has_id || operand.has_id;
    operand = std::move(inner);
  }

  PatternOperand parse_operand();
  void parse_term(PatternOperand& operand, const PatternToken& token);
  void parse_identifier(PatternOperand& operand, const PatternToken& token);
  void parse_fields(PatternOperand& operand, const PatternToken& term);
  void take_field(PatternOperand& operand, const PatternToken& token);

  std::uint32_t intern(std::string_view name) {
    const auto found = std::find(ast_.variables.begin(), ast_.variables.end(), name);
    const auto index = static_cast<std::uint32_t>(found - ast_.variables.begin());
    if (found == ast_.variables.end()) ast_.variables.emplace_back(name);
    return index;
  }

  std::uint32_t find_variable(const PatternToken& token) {
    const auto variable = intern(token.text);
    if (std::find(scope_.begin(), scope_.end(), variable) == scope_.end()) {
      fail(token, fmt::format("{} is not declared; declare it with {} := ...", token.text, token.text));
    }
    return variable;
  }

  std::vector<PatternToken> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
  int with_depth_ = 0;  // blocks around us in which `.` is not `$`
  std::vector<std::uint32_t> scope_;
  PatternAst ast_;
};

PatternOperand Parser::parse_operand() {
  PatternOperand operand;
  const auto& token = peek();
  operand.offset = token.offset;
  ++at_;
  parse_term(operand, token);
  parse_fields(operand, token);
  return operand;
}

void Parser::parse_term(PatternOperand& operand, const PatternToken& token) {
  switch (token.kind) {
    case Kind::kDot:
      return;
    case Kind::kField:
      return take_field(operand, token);
    case Kind::kVariable:
      operand.variable = find_variable(token);
      operand.kind = operand.variable == 0 && with_depth_ == 0 ? OperandKind::kDot : OperandKind::kVariable;
      return;
    case Kind::kString:
      operand.kind = OperandKind::kString;
      operand.text = unquote_string(token.text, token.offset);
      return;
    case Kind::kRawString:
      operand.kind = OperandKind::kString;
      operand.text = unquote_raw_string(token.text);
      return;
    case Kind::kCharacter:
      operand.kind = OperandKind::kInteger;
      operand.integer = parse_character(token.text, token.offset);
      return;
    case Kind::kNumber:
      operand.kind = OperandKind::kInteger;
      operand.integer = parse_integer(token.text, token.offset);
      return;
    case Kind::kLeftParen: {
      const Nesting nesting(*this, token);
      operand.kind = OperandKind::kPipe;
      operand.pipe = std::make_unique<PatternPipe>(parse_pipe(Kind::kRightParen));
      return;
    }
    case Kind::kIdentifier:
      return parse_identifier(operand, token);
    default:
      fail_unexpected(token, "a value");
  }
}

void Parser::parse_identifier(PatternOperand& operand, const PatternToken& token) {
  const auto name = token.text;
  if (name == "true" || name == "false") {
    operand.kind = OperandKind::kBool;
    operand.integer = name == "true" ? 1 : 0;
    return;
  }
  const auto function = find_function(name);
  if (!function) {
    const auto reason = why_unsupported(name);
    if (!reason.empty()) fail(token, fmt::format("{} is not supported: {}", name, reason));
    fail(token, fmt::format("there is no function {}{}", name, name == "ID" ? "; did you mean .ID?" : ""));
  }
  operand.kind = OperandKind::kFunction;
  operand.function = *function;
}

void Parser::take_field(PatternOperand& operand, const PatternToken& token) {
  if (token.text != ".ID") fail(token, fmt::format("there is no field {}: the only field is .ID", token.text));
  if (operand.has_id) fail(token, ".ID is a number and has no fields");
  operand.has_id = true;
  ast_.uses_id = true;
}

void Parser::parse_fields(PatternOperand& operand, const PatternToken& term) {
  while (peek().kind == Kind::kField) {
    const bool is_data = operand.kind == OperandKind::kDot || operand.kind == OperandKind::kVariable;
    if (term.kind == Kind::kDot || (!is_data && operand.kind != OperandKind::kPipe)) {
      fail(peek(), fmt::format("there is no field {} of {}", peek().text, excerpt(term.text)));
    }
    take_field(operand, next());
    unwrap(operand);
  }
}

}  // namespace

PatternAst parse_pattern(std::string_view pattern) {
  return Parser(pattern).run();
}

}  // namespace idetcd
