// Tables on stdout.
#pragma once

#include <string>
#include <vector>

namespace idetcd::tool {

using Row = std::vector<std::string>;

// The first row is the heading, bold on a terminal. Cells are escaped (printable.h).
void print_rows(std::vector<Row> rows);

}  // namespace idetcd::tool
