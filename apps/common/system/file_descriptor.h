// FileDescriptor: owns a descriptor and closes it.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace idetcd::app {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) noexcept : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }

  // The caller closes it.
  int release() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

// For a system call that has just failed: std::system_error with errno and its name.
[[noreturn]] inline void throw_system_error(const char* call) {
  throw std::system_error(errno, std::generic_category(), call);
}

// Takes what `call` returned; throws if that is no descriptor.
inline FileDescriptor checked(int fd, const char* call) {
  if (fd < 0) throw_system_error(call);
  return FileDescriptor(fd);
}

}  // namespace idetcd::app
