#include "pattern/parser.h"

#include <fmt/format.h>

#include <iterator>
#include <utility>

#include "pattern/cursor.h"
#include "pattern/pipe_parser.h"
#include "pattern/scope.h"

namespace idetcd::pattern {
namespace {

using Kind = PatternToken::Kind;
using NodeKind = PatternNode::Kind;

// Adjacent texts are one: what stood between them, a comment, is gone.
void append_text(std::vector<PatternNode>& nodes, std::string_view text) {
  if (text.empty()) return;
  if (nodes.empty() || nodes.back().kind != NodeKind::kText) nodes.emplace_back();
  nodes.back().text += text;
}

// `{{else}}{{if x}}a{{end}}{{end}}` is `{{else if x}}a{{end}}`.
void absorb_else_if(PatternNode& node) {
  if (node.kind != NodeKind::kIf || node.otherwise.size() != 1 || node.otherwise[0].kind != NodeKind::kIf) return;
  auto inner = std::move(node.otherwise);
  std::move(inner[0].branches.begin(), inner[0].branches.end(), std::back_inserter(node.branches));
  node.otherwise = std::move(inner[0].otherwise);
}

class Parser {
 public:
  explicit Parser(std::string_view pattern) : cursor_(pattern), pipes_(cursor_, scope_) {}

  PatternAst run() {
    PatternAst ast;
    ast.nodes = parse_nodes();
    const auto& rest = cursor_.peek();
    if (rest.kind != Kind::kEnd) fail_at(rest, fmt::format("no block is open for {{{{{}}}}}", rest.text));
    ast.variables = std::move(scope_).names();
    ast.uses_id = pipes_.uses_id();
    return ast;
  }

 private:
  // Stops at the end, or inside of the action that it cannot use: at "end" or "else".
  std::vector<PatternNode> parse_nodes() {
    std::vector<PatternNode> nodes;
    while (!cursor_.at(Kind::kEnd)) {
      const auto& token = cursor_.next();
      if (token.kind == Kind::kText) {
        append_text(nodes, token.text);
        continue;
      }
      cursor_.skip_space();
      if (cursor_.at_keyword("end") || cursor_.at_keyword("else")) break;
      parse_action(nodes);
    }
    return nodes;
  }

  void parse_action(std::vector<PatternNode>& nodes) {
    if (cursor_.at_keyword("if") || cursor_.at_keyword("with")) {
      nodes.push_back(parse_block());
      return;
    }
    auto pipe = pipes_.parse(Kind::kClose);
    if (is_single_operand(pipe) && pipe.commands[0].operands[0].kind == PatternOperand::Kind::kString) {
      return append_text(nodes, pipe.commands[0].operands[0].text);
    }
    nodes.emplace_back();
    nodes.back().kind = NodeKind::kAction;
    nodes.back().pipe = std::move(pipe);
  }

  PatternNode parse_block() {
    const auto& keyword = cursor_.next();
    const PatternScope::Block block(scope_, keyword);
    PatternNode node;
    node.kind = keyword.text == "with" ? NodeKind::kWith : NodeKind::kIf;
    do {
      node.branches.push_back(parse_branch(node.kind));
    } while (node.kind == NodeKind::kIf && parse_else_if());
    if (cursor_.at_keyword("else")) {
      cursor_.next();
      cursor_.expect_close();
      node.otherwise = parse_nodes();
    }
    if (cursor_.at(Kind::kEnd)) fail_at(keyword, fmt::format("{} has no {{{{end}}}}", keyword.text));
    if (!cursor_.at_keyword("end")) fail_unexpected(cursor_.peek(), "{{end}}");
    cursor_.next();
    cursor_.expect_close();
    absorb_else_if(node);
    return node;
  }

  bool parse_else_if() {
    if (!cursor_.at_keyword("else") || cursor_.after().text != "if") return false;
    cursor_.next();
    cursor_.skip_space();
    cursor_.next();
    return true;
  }

  PatternBranch parse_branch(NodeKind kind) {
    PatternBranch branch;
    branch.condition = pipes_.parse(Kind::kClose);
    if (kind == NodeKind::kWith) scope_.enter_with();
    branch.body = parse_nodes();
    if (kind == NodeKind::kWith) scope_.leave_with();
    return branch;
  }

  PatternCursor cursor_;
  PatternScope scope_;
  PatternPipeParser pipes_;
};

}  // namespace

PatternAst parse_pattern(std::string_view pattern) {
  return Parser(pattern).run();
}

}  // namespace idetcd::pattern
