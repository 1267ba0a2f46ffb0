#include "common/corefile/imports.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace idetcd::app::corefile {
namespace {

namespace fs = std::filesystem;

Error wrong(std::string message) {
  return {ErrorCode::kInvalidArgument, std::move(message)};
}

bool has_wildcard(std::string_view text) {
  return text.find_first_of("*?[]") != std::string_view::npos;
}

// The paths that `folders`, each with an entry that matches `part`, make.
std::vector<fs::path> expand(const std::vector<fs::path>& folders, const fs::path& part) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (const fs::path& folder : folders) {
    if (!has_wildcard(part.string())) {
      if (fs::exists(folder / part, ignored)) found.push_back(folder / part);
      continue;
    }
    std::vector<fs::path> names;
    for (fs::directory_iterator entry(folder.empty() ? "." : folder, ignored), end; !ignored && entry != end;
         entry.increment(ignored)) {
      if (fnmatch(part.c_str(), entry->path().filename().c_str(), 0) == 0) names.push_back(entry->path().filename());
    }
    std::ranges::sort(names);
    for (const fs::path& name : names) found.push_back(folder / name);
  }
  return found;
}

}  // namespace

Result<std::vector<std::string>> find_imports(std::string_view pattern, std::string_view from) {
  const fs::path path = fs::path(from).parent_path() / fs::path(pattern);  // an absolute pattern replaces the folder
  const std::string text = path.string();
  const bool brackets = text.find('[') != std::string::npos && text.find(']') != std::string::npos;
  if (std::ranges::count(text, '*') > 1 || std::ranges::count(text, '?') > 1 || brackets)
    return wrong(fmt::format("\"{}\" has more than one wildcard; an import may have one *", pattern));
  std::vector<fs::path> found{path.root_path()};
  for (const fs::path& part : path.relative_path()) found = expand(found, part);
  if (found.empty() && !has_wildcard(text))
    return wrong(fmt::format("\"{}\" is neither a file ({} does not exist) nor a snippet that is defined further up",
                             pattern, text));
  std::vector<std::string> files;
  files.reserve(found.size());
  for (const fs::path& file : found) files.push_back(file.string());
  return files;
}

Result<std::string> read_text_file(const std::string& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return wrong("it is a directory");
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return wrong(std::strerror(errno));
  std::string text(kMaxFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return wrong(std::strerror(errno != 0 ? errno : EIO));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kMaxFileBytes) return wrong(fmt::format("it is larger than {} bytes", kMaxFileBytes));
  return text;
}

}  // namespace idetcd::app::corefile
