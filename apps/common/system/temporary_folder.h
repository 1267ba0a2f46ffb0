// TemporaryFolder: a directory that is removed with its contents by its destructor, or by the next one.
//
// A process that is killed leaves its directory behind. Each directory therefore has a file "lock", which its process
// keeps locked; one whose lock is free has no owner, and create() removes it.
#pragma once

#include <idetcd/result.h>

#include <filesystem>
#include <string_view>
#include <utility>

#include "common/system/file_descriptor.h"

namespace idetcd::app {

class TemporaryFolder {
 public:
  // "<TMPDIR or /tmp>/<prefix>XXXXXX", accessible to its owner only. Removes those with the same prefix whose owner is
  // dead. kUnavailable: it cannot be created.
  static Result<TemporaryFolder> create(std::string_view prefix);

  TemporaryFolder(TemporaryFolder&& other) noexcept
      : path_(std::exchange(other.path_, {})), lock_(std::move(other.lock_)) {}
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder();

  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  TemporaryFolder(std::filesystem::path path, FileDescriptor lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  std::filesystem::path path_;
  FileDescriptor lock_;
};

}  // namespace idetcd::app
