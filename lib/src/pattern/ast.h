// What a pattern means, with its spelling already forgotten: comments, spaces,
// trimming, redundant parentheses and number syntax are gone, `$` is `.` where both
// are the same, a lone string literal is text, `else {{if}}` is `else if`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace idetcd::pattern {

enum class PatternFunction : std::uint8_t {
  kAnd,
  kOr,
  kNot,
  kEq,
  kNe,
  kLt,
  kLe,
  kGt,
  kGe,
  kPrint,
  kPrintf,
  kLen,
  kIndex
};

struct PatternPipe;

// An argument, or the first word of a command. Offsets are into the pattern's text.
struct PatternOperand {
  enum class Kind : std::uint8_t { kDot, kVariable, kBool, kInteger, kString, kFunction, kPipe };

  Kind kind = Kind::kDot;
  bool has_id = false;  // followed by .ID; only kDot, kVariable and kPipe can be
  PatternFunction function = PatternFunction::kPrint;
  std::uint32_t variable = 0;  // index into PatternAst::variables
  std::int64_t integer = 0;    // also of kBool
  std::string text;            // of kString
  std::unique_ptr<PatternPipe> pipe;
  std::size_t offset = 0;
};

// Has more than one operand only if the first is a function.
struct PatternCommand {
  std::vector<PatternOperand> operands;
};

// Each command's value is the last argument of the next one, which calls a function.
struct PatternPipe {
  enum class Binding : std::uint8_t { kNone, kDeclare, kAssign };

  Binding binding = Binding::kNone;
  std::uint32_t variable = 0;  // unless kNone: index into PatternAst::variables
  std::vector<PatternCommand> commands;
  std::size_t offset = 0;
};

struct PatternNode;

struct PatternBranch {
  PatternPipe condition;
  std::vector<PatternNode> body;
};

struct PatternNode {
  enum class Kind : std::uint8_t { kText, kAction, kIf, kWith };

  Kind kind = Kind::kText;
  std::string text;
  PatternPipe pipe;                     // of kAction
  std::vector<PatternBranch> branches;  // of kIf: if, else if ...; of kWith: one
  std::vector<PatternNode> otherwise;
};

struct PatternAst {
  std::vector<PatternNode> nodes;
  std::vector<std::string> variables;  // their names; the first is "$", the data itself
  bool uses_id = false;                // .ID occurs somewhere
};

}  // namespace idetcd::pattern
