// TemporaryFolder: a directory that is removed with its contents by its destructor.
#pragma once

#include <idetcd/result.h>

#include <filesystem>
#include <string_view>
#include <utility>

namespace idetcd::app {

class TemporaryFolder {
 public:
  // "<TMPDIR or /tmp>/<prefix>XXXXXX", accessible to its owner only. kUnavailable: it cannot
  // be created.
  static Result<TemporaryFolder> create(std::string_view prefix);

  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder();

  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  explicit TemporaryFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

}  // namespace idetcd::app
