#include "common/system/shutdown.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <string>
#include <system_error>
#include <utility>

#include "common/system/exit_status.h"

namespace idetcd::app {
namespace {

sigset_t set_of(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : signals) sigaddset(&set, number);
  return set;
}

// To stderr, unless that would have to wait for its reader.
void write_or_drop(const std::string& text) {
  pollfd fd{STDERR_FILENO, POLLOUT, 0};
  if (::poll(&fd, 1, 0) == 1) (void)!::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

Shutdown::Shutdown(std::initializer_list<int> signals, std::initializer_list<int> noted) try : noted_(set_of(noted)) {
  sigset_t set = set_of(signals);
  for (const int number : noted) sigaddset(&set, number);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  wake_ = checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
  signals_ = checked(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd");
  thread_ = std::thread([this] { run(); });
} catch (const std::system_error& error) {
  throw Exit(kExitOs, std::string("cannot handle signals: ") + error.what() +
                          "; raise the limits on open files and threads (ulimit -n, ulimit -u)");
}

Shutdown::~Shutdown() {
  {
    std::lock_guard lock(mutex_);
    destroyed_ = true;
  }
  ::eventfd_write(wake_.get(), 1);
  thread_.join();
}

void Shutdown::run() {
  std::array<pollfd, 2> fds{{{signals_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}}};
  while (true) {
    const int left = time_left();
    if (left == 0) return;
    if (::poll(fds.data(), fds.size(), left) < 0) continue;  // EINTR: a debugger, or a stop and continue
    eventfd_t count = 0;
    ::eventfd_read(wake_.get(), &count);
    signalfd_siginfo info{};
    if (::read(signals_.get(), &info, sizeof info) != sizeof info) continue;
    on_signal(static_cast<int>(info.ssi_signo), info.ssi_code == SI_KERNEL);
  }
}

// In milliseconds, for poll(); -1: no bound; 0: this is to be destroyed.
int Shutdown::time_left() {
  std::lock_guard lock(mutex_);
  if (destroyed_) return 0;
  if (!end_by_) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*end_by_ - std::chrono::steady_clock::now());
  if (left.count() > 0) return static_cast<int>(left.count());
  // Something waits that nobody will wake, e.g. gRPC for a thread that it could not start.
  write_or_drop(
      fmt::format("the program did not end within {} ms and is ended now; its name is free when its lease ends\n",
                  end_within_.count()));
  ::_exit(kExitOs);
}

void Shutdown::end_within(std::chrono::milliseconds time) {
  std::lock_guard lock(mutex_);
  end_within_ = time;
  if (status_) end_by_ = std::chrono::steady_clock::now() + time;
}

void Shutdown::on_signal(int number, bool from_terminal) {
  {
    std::lock_guard lock(mutex_);
    if (sigismember(&noted_, number) == 1) {
      if (note_) note_(number);
      return;
    }
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
      if (deliver_) {
        deliver_(SIGTERM);
      } else if (end_within_.count() > 0) {
        end_by_ = std::chrono::steady_clock::now() + end_within_;
      }
    }
  }
  ::eventfd_write(wake_.get(), 1);
  changed_.notify_all();
}

std::optional<int> Shutdown::wait_for(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, timeout, [this] { return status_.has_value(); });
  return status_;
}

void Shutdown::note_to(std::function<void(int)> note) {
  std::lock_guard lock(mutex_);
  note_ = std::move(note);
}

void Shutdown::forward_to(std::function<void(int)> deliver) {
  std::lock_guard lock(mutex_);
  deliver_ = std::move(deliver);
  if (deliver_ && status_) deliver_(SIGTERM);
}

}  // namespace idetcd::app
