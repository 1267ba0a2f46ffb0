#include "common/system/temporary_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>

namespace idetcd::app {
namespace {

constexpr std::string_view kRandom = "XXXXXX";

bool lock(const FileDescriptor& file) {
  return file && ::flock(file.get(), LOCK_EX | LOCK_NB) == 0;
}

// The file gets its name once it is locked: nobody may take the directory for one without an owner.
FileDescriptor lock_folder(const std::filesystem::path& folder) {
  const std::filesystem::path fresh = folder / "lock.new";
  FileDescriptor file(::open(fresh.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  std::error_code ignored;
  if (lock(file)) std::filesystem::rename(fresh, folder / "lock", ignored);
  return file;
}

bool is_ours(const std::filesystem::path& folder) {
  struct stat status {};
  return ::lstat(folder.c_str(), &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == ::geteuid();
}

void remove_abandoned(const std::filesystem::path& parent, std::string_view prefix) {
  std::error_code ignored;
  for (auto at = std::filesystem::directory_iterator(parent, ignored);
       !ignored && at != std::filesystem::directory_iterator(); at.increment(ignored)) {
    const std::string name = at->path().filename().string();
    if (!name.starts_with(prefix) || name.size() != prefix.size() + kRandom.size() || !is_ours(at->path())) continue;
    const FileDescriptor file(::open((at->path() / "lock").c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    std::error_code failed;
    if (lock(file)) std::filesystem::remove_all(at->path(), failed);
  }
}

}  // namespace

Result<TemporaryFolder> TemporaryFolder::create(std::string_view prefix) {
  std::error_code failed;
  const auto parent = std::filesystem::temp_directory_path(failed);
  if (failed) return Error{ErrorCode::kUnavailable, "no directory for temporary files; set TMPDIR to one"};
  remove_abandoned(parent, prefix);
  std::string name = (parent / fmt::format("{}{}", prefix, kRandom)).string();
  if (::mkdtemp(name.data()) == nullptr) {
    return Error{ErrorCode::kUnavailable, fmt::format("cannot create a directory in {}: {}; set TMPDIR to another",
                                                      parent.string(), std::strerror(errno))};
  }
  return TemporaryFolder(name, lock_folder(name));
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace idetcd::app
