#include "pools/rows.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "common/system/terminal.h"
#include "common/values/printable.h"

namespace idetcd::tool {

void print_rows(std::vector<Row> rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (Row& row : rows) {
    for (std::string& cell : row) cell = app::printable(cell);
    for (std::size_t column = 0; column + 1 < row.size(); ++column)
      widths[column] = std::max(widths[column], row[column].size());
  }
  for (const Row& row : rows) {
    std::string text;
    for (std::size_t column = 0; column < row.size(); ++column)
      text += fmt::format("{:<{}}  ", row[column], widths[column]);
    text.erase(text.find_last_not_of(' ') + 1);
    const bool bold = &row == &rows.front() && app::shows_colours(STDOUT_FILENO);
    fmt::print("{}{}{}\n", bold ? "\x1b[1m" : "", text, bold ? "\x1b[0m" : "");
  }
}

}  // namespace idetcd::tool
