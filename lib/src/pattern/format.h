// One printf verb with its flags applied to one value, exactly as Go's fmt does.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pattern/value.h"

namespace idetcd::pattern {

// What stands between % and the verb. `%v` keeps its own + and # apart, as in Go.
struct FormatSpec {
  bool minus = false;
  bool plus = false;
  bool sharp = false;
  bool space = false;
  bool zero = false;
  bool sharp_v = false;
  bool has_width = false;
  bool has_precision = false;
  int width = 0;
  int precision = 0;
};

// False if Go has no such verb for the value's type, and for what Go quotes (%q, %U, %#v
// of a string): no host name has a quote or a plus in it.
bool format_value(const PatternValue& value, char verb, FormatSpec spec, std::string& out);

}  // namespace idetcd::pattern
