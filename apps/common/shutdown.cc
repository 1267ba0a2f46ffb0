#include "shutdown.h"

#include "exit_status.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace idetcd::app {

sigset_t shutdown_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

Shutdown::Shutdown() {
  const sigset_t signals = shutdown_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  wake_fd_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  const int signal_fd = ::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  if (wake_fd_ < 0 || signal_fd < 0) throw Exit(kExitOs, "no file descriptors left; raise the limit (ulimit -n)");
  thread_ = std::thread([this, signal_fd] {
    std::array<pollfd, 2> fds{{{signal_fd, POLLIN, 0}, {wake_fd_, POLLIN, 0}}};
    while (::poll(fds.data(), fds.size(), -1) < 0 && errno == EINTR) {
    }
    if (fds[0].revents != 0) request(kExitOk);
    ::close(signal_fd);
  });
}

Shutdown::~Shutdown() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_fd_, &one, sizeof one);
  thread_.join();
  ::close(wake_fd_);
}

void Shutdown::request(int status) {
  source_.request_stop();  // first, so that whoever sees the status sees the stop too
  {
    std::lock_guard lock(mutex_);
    if (!status_) status_ = status;
  }
  changed_.notify_all();
}

std::optional<int> Shutdown::wait_for(std::chrono::milliseconds most) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, most, [this] { return status_.has_value(); });
  return status_;
}

}  // namespace idetcd::app
