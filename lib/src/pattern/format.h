// One printf verb with its flags applied to one value, exactly as Go's fmt does.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pattern/value.h"

namespace idetcd::pattern {

// What stands between % and the verb.
struct FormatSpec {
  bool minus = false;
  bool plus = false;
  bool sharp = false;
  bool space = false;
  bool zero = false;
  bool sharp_v = false;  // the # of %v, which means something else; set by format_value
  bool has_width = false;
  bool has_precision = false;
  int width = 0;
  int precision = 0;
};

// Appends to `out`. False if Go has no such verb for the value's type, for what Go renders
// with quotes or a plus (%q, %U, %#v of a string), which no host name can hold, and for kData.
bool format_value(const PatternValue& value, char verb, FormatSpec spec, std::string& out);

}  // namespace idetcd::pattern
