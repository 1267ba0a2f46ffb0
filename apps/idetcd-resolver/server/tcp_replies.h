// TcpReplies: replies that another thread has for the connections of a TCP server.
#pragma once

#include <sys/eventfd.h>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "common/system/file_descriptor.h"

namespace idetcd::resolver {

// Thread-safe. Bounded by what the connections may hand on.
class TcpReplies {
 public:
  struct Item {
    std::uint64_t connection;
    std::vector<std::byte> bytes;
  };

  TcpReplies() : wake_(app::checked(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")) {}

  // Readable from put() or wake() until take().
  int fd() const noexcept { return wake_.get(); }

  void put(std::uint64_t connection, std::span<const std::byte> bytes) {
    {
      const std::lock_guard lock(mutex_);
      items_.push_back({connection, {bytes.begin(), bytes.end()}});
    }
    wake();
  }

  void wake() noexcept { eventfd_write(wake_.get(), 1); }

  std::vector<Item> take() {
    eventfd_t ignored;
    eventfd_read(wake_.get(), &ignored);
    const std::lock_guard lock(mutex_);
    return std::exchange(items_, {});
  }

 private:
  const app::FileDescriptor wake_;
  std::mutex mutex_;
  std::vector<Item> items_;  // guarded by mutex_
};

}  // namespace idetcd::resolver
