#include "temporary_folder.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace idetcd::app {

Result<TemporaryFolder> TemporaryFolder::create(std::string_view prefix) {
  std::error_code failed;
  const auto parent = std::filesystem::temp_directory_path(failed);
  if (failed) return Error{ErrorCode::kUnavailable, "no directory for temporary files; set TMPDIR to one"};
  std::string name = (parent / fmt::format("{}XXXXXX", prefix)).string();
  if (::mkdtemp(name.data()) == nullptr) {
    return Error{ErrorCode::kUnavailable, fmt::format("cannot create a directory in {}: {}; set TMPDIR to another",
                                                      parent.string(), std::strerror(errno))};
  }
  return TemporaryFolder(name);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace idetcd::app
