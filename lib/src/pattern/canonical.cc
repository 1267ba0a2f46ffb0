#include "pattern/canonical.h"

#include <algorithm>
#include <string_view>

#include "base/ascii.h"
#include "pattern/functions.h"
#include "pattern/literal.h"

namespace idetcd::pattern {
namespace {

using OperandKind = PatternOperand::Kind;
using Binding = PatternPipe::Binding;

class Printer {
 public:
  explicit Printer(const PatternAst& ast) : ast_(ast) {}

  std::string run() {
    print(ast_.nodes);
    return std::move(out_);
  }

 private:
  void print(const std::vector<PatternNode>& nodes) {
    for (const auto& node : nodes) {
      switch (node.kind) {
        case PatternNode::Kind::kText: print_text(node.text); break;
        case PatternNode::Kind::kAction: print_action("", node.pipe); break;
        default: print_block(node);
      }
    }
  }

  // Braces and what is not printable ASCII stand in a string literal, which the parser
  // makes text again: braces so that none can join another to open an action.
  void print_text(std::string_view text) {
    const auto plain = [](char c) { return c >= 0x20 && c <= 0x7e && c != '{'; };
    while (!text.empty()) {
      const auto special = std::find_if_not(text.begin(), text.end(), plain);
      std::transform(text.begin(), special, std::back_inserter(out_), internal::ascii_lower);
      const auto next = std::find_if(special, text.end(), plain);
      if (next != special) out_ += "{{" + canonical_string({special, next}) + "}}";
      text = {next, text.end()};
    }
  }

  void print_block(const PatternNode& node) {
    const std::string keyword = node.kind == PatternNode::Kind::kWith ? "with " : "if ";
    for (const auto& branch : node.branches) {
      print_action(&branch == node.branches.data() ? keyword : "else " + keyword, branch.condition);
      print(branch.body);
    }
    if (!node.otherwise.empty()) {
      out_ += "{{else}}";
      print(node.otherwise);
    }
    out_ += "{{end}}";
  }

  void print_action(std::string_view keyword, const PatternPipe& pipe) {
    out_ += "{{";
    out_ += keyword;
    print(pipe);
    out_ += "}}";
  }

  void print(const PatternPipe& pipe) {
    if (pipe.binding != Binding::kNone) {
      out_ += ast_.variables[pipe.variable] + (pipe.binding == Binding::kDeclare ? " := " : " = ");
    }
    for (const auto& command : pipe.commands) {
      if (&command != pipe.commands.data()) out_ += " | ";
      for (const auto& operand : command.operands) {
        if (&operand != command.operands.data()) out_ += ' ';
        print(operand);
      }
    }
  }

  void print(const PatternOperand& operand) {
    switch (operand.kind) {
      case OperandKind::kDot: out_ += operand.has_id ? ".ID" : "."; return;
      case OperandKind::kVariable: out_ += ast_.variables[operand.variable]; break;
      case OperandKind::kBool: out_ += operand.integer != 0 ? "true" : "false"; break;
      case OperandKind::kInteger: out_ += std::to_string(operand.integer); break;
      case OperandKind::kString: out_ += canonical_string(operand.text); break;
      case OperandKind::kFunction: out_ += signature_of(operand.function).name; break;
      case OperandKind::kPipe:
        out_ += '(';
        print(*operand.pipe);
        out_ += ')';
        break;
    }
    if (operand.has_id) out_ += ".ID";
  }

  const PatternAst& ast_;
  std::string out_;
};

}  // namespace

std::string canonical_pattern(const PatternAst& ast) {
  return Printer(ast).run();
}

}  // namespace idetcd::pattern
