#include "shutdown.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <string>
#include <system_error>
#include <utility>

#include "exit_status.h"

namespace idetcd::app {
namespace {

sigset_t set_of(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : signals) sigaddset(&set, number);
  return set;
}

}  // namespace

Shutdown::Shutdown(std::initializer_list<int> signals) try {
  const sigset_t set = set_of(signals);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  wake_ = checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
  signals_ = checked(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd");
  thread_ = std::thread([this] { run(); });
} catch (const std::system_error& error) {
  throw Exit(kExitOs, std::string("cannot handle signals: ") + error.what() +
                          "; raise the limits on open files and threads (ulimit -n, ulimit -u)");
}

Shutdown::~Shutdown() {
  ::eventfd_write(wake_.get(), 1);
  thread_.join();
}

void Shutdown::run() {
  std::array<pollfd, 2> fds{{{signals_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}}};
  while (true) {
    if (::poll(fds.data(), fds.size(), -1) < 0) continue;  // EINTR: a debugger, or a stop and continue
    if (fds[1].revents != 0) return;
    signalfd_siginfo info{};
    if (::read(signals_.get(), &info, sizeof info) != sizeof info) continue;
    on_signal(static_cast<int>(info.ssi_signo), info.ssi_code == SI_KERNEL);
  }
}

void Shutdown::on_signal(int number, bool from_terminal) {
  {
    std::lock_guard lock(mutex_);
    if (deliver_) {
      if (!from_terminal) deliver_(number);
      return;
    }
  }
  if (number == SIGUSR1 || number == SIGUSR2) return;  // meant for a child that is not there
  int none = 0;
  signal_.compare_exchange_strong(none, number);
  request(kExitOk);
}

void Shutdown::request(int status) {
  source_.request_stop();  // first, so that whoever sees the status sees the stop too
  {
    std::lock_guard lock(mutex_);
    if (!status_) {
      status_ = status;
      if (deliver_) deliver_(SIGTERM);
    }
  }
  changed_.notify_all();
}

std::optional<int> Shutdown::wait_for(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, timeout, [this] { return status_.has_value(); });
  return status_;
}

void Shutdown::forward_to(std::function<void(int)> deliver) {
  std::lock_guard lock(mutex_);
  deliver_ = std::move(deliver);
  if (deliver_ && status_) deliver_(SIGTERM);
}

}  // namespace idetcd::app
