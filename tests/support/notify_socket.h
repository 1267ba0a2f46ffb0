// NotifySocket: the service manager's end of sd_notify(3).
#pragma once

#include <filesystem>
#include <string>

#include "common/system/file_descriptor.h"

namespace idetcd::testing {

class NotifySocket {
 public:
  // Binds `path`, for NOTIFY_SOCKET. Fails the test if it cannot.
  explicit NotifySocket(const std::filesystem::path& path);

  std::string path() const { return path_; }

  // The next message; waits up to 30 s, then empty.
  std::string next() const;

 private:
  const std::string path_;
  const app::FileDescriptor fd_;
};

}  // namespace idetcd::testing
