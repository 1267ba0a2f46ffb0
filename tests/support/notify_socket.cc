#include "support/notify_socket.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <array>
#include <catch2/catch.hpp>

namespace idetcd::testing {

NotifySocket::NotifySocket(const std::filesystem::path& path)
    : path_(path.string()), fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un own{};
  own.sun_family = AF_UNIX;
  REQUIRE(path_.size() < sizeof own.sun_path);
  path_.copy(own.sun_path, path_.size());
  REQUIRE(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own) == 0);
  const timeval patience{30, 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

std::string NotifySocket::next() const {
  std::array<char, 1024> message;
  const ssize_t size = ::recv(fd_.get(), message.data(), message.size(), 0);
  return size > 0 ? std::string(message.data(), static_cast<std::size_t>(size)) : std::string();
}

}  // namespace idetcd::testing
