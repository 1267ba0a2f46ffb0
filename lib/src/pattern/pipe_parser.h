// The parser of what stands within one action: bindings, commands, operands.
#pragma once

#include <cstddef>

#include "pattern/ast.h"
#include "pattern/cursor.h"
#include "pattern/scope.h"

namespace idetcd::pattern {

// A pipe of one command that is one operand, and binds nothing.
bool is_single_operand(const PatternPipe& pipe) noexcept;

class PatternPipeParser {
 public:
  // Both must outlive it.
  PatternPipeParser(PatternCursor& cursor, PatternScope& scope) : cursor_(cursor), scope_(scope) {}

  // Reads past the token that ends the pipe, too: kClose or kRightParen. Throws PatternError.
  PatternPipe parse(PatternToken::Kind end);

  // Whether .ID has occurred.
  bool uses_id() const { return uses_id_; }

 private:
  void parse_binding(PatternPipe& pipe);
  PatternCommand parse_command(bool is_first);
  bool more_operands();
  PatternOperand parse_operand();
  void parse_term(PatternOperand& operand, const PatternToken& token);
  void parse_variable(PatternOperand& operand, const PatternToken& token);
  void parse_parenthesis(PatternOperand& operand, const PatternToken& token);
  void parse_fields(PatternOperand& operand, const PatternToken& term);
  void parse_field(PatternOperand& operand, const PatternToken& token);

  PatternCursor& cursor_;
  PatternScope& scope_;
  bool uses_id_ = false;
};

}  // namespace idetcd::pattern
