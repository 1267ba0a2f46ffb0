// What the parser knows about the place it is at: variables in reach, nesting, and what `.` is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "pattern/cursor.h"

namespace idetcd::pattern {

class PatternScope {
 public:
  PatternScope() : names_{"$"}, reachable_{0} {}

  // From here to the end of the enclosing block.
  std::uint32_t declare(const PatternToken& token);

  // Throws PatternError if it is not declared.
  std::uint32_t find(const PatternToken& token);

  // Names by number, as the AST keeps them.
  std::vector<std::string> names() && { return std::move(names_); }

  // One level of nesting while it lives. Throws PatternError beyond kMaxPatternDepth.
  class Parenthesis {
   public:
    Parenthesis(PatternScope& scope, const PatternToken& token);
    ~Parenthesis() { --scope_.depth_; }
    Parenthesis(const Parenthesis&) = delete;
    Parenthesis& operator=(const Parenthesis&) = delete;

   private:
    PatternScope& scope_;
  };
  // A level of nesting at whose end what was declared in it is out of reach.
  class Block {
   public:
    Block(PatternScope& scope, const PatternToken& token)
        : nesting_(scope, token), scope_(scope), mark_(scope.reachable_.size()) {}
    ~Block() { scope_.reachable_.resize(mark_); }
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;

   private:
    Parenthesis nesting_;
    PatternScope& scope_;
    std::size_t mark_;
  };

  // Around the body of a `with`, where `.` is what it chose; elsewhere `.` is `$`.
  void enter_with() { ++with_depth_; }
  void leave_with() { --with_depth_; }
  bool dot_is_data() const { return with_depth_ == 0; }

 private:
  std::uint32_t number_of(const PatternToken& token);

  std::vector<std::string> names_;
  std::vector<std::uint32_t> reachable_;
  int depth_ = 0;
  int with_depth_ = 0;
};

}  // namespace idetcd::pattern
