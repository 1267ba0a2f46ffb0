#include "guard/guard_process.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <ctime>
#include <string>
#include <utility>
#include <vector>

#include "common/system/process_tree.h"

namespace idetcd::tool {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kKillAgain = kSecond / 200;   // a process that was being forked is found by the next look
constexpr std::int64_t kGiveUpAfter = 10 * kSecond;  // on processes of other users

std::int64_t boot_now() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return now.tv_sec * kSecond + now.tv_nsec;
}

app::FileDescriptor open_child_events() {
  sigset_t all;
  sigfillset(&all);
  ::sigprocmask(SIG_BLOCK, &all, nullptr);  // what ends the others must not end the guard
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  return app::FileDescriptor(::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
}

bool asks_to_end(int number) {
  return number == SIGTERM || number == SIGINT || number == SIGHUP || number == SIGQUIT;
}

}  // namespace

GuardProcess::GuardProcess(app::FileDescriptor socket, const std::atomic<std::int64_t>& deadline,
                           std::chrono::milliseconds grace, pid_t interactive_group)
    : socket_(std::move(socket)),
      deadline_(deadline),
      grace_(std::chrono::nanoseconds(grace).count()),
      interactive_group_(interactive_group),
      child_events_(open_child_events()),
      timer_(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK)) {}

void GuardProcess::serve() {
  if (!child_events_ || !timer_) return;  // the peer sees the socket close, and runs nothing
  while (!done_) {
    arm_timer();
    std::array<pollfd, 3> fds{
        {{child_events_.get(), POLLIN, 0}, {timer_.get(), POLLIN, 0}, {peer_gone_ ? -1 : socket_.get(), POLLIN, 0}}};
    if (::poll(fds.data(), fds.size(), -1) < 0) continue;
    if (fds[0].revents != 0) {
      signalfd_siginfo info{};
      while (::read(child_events_.get(), &info, sizeof info) == sizeof info) {
      }
    }
    if (fds[1].revents != 0) {
      std::uint64_t count = 0;
      [[maybe_unused]] const auto got = ::read(timer_.get(), &count, sizeof count);
    }
    if (fds[2].revents != 0) on_message();
    reap();
    if (!done_) check_time();
  }
}

void GuardProcess::on_message() {
  const auto message = receive_message(socket_.get());
  if (!message) {
    peer_gone_ = true;
    if (!command_) {
      done_ = true;
    } else {
      begin_end();
    }
    return;
  }
  using enum GuardMessage::Kind;
  if (message->kind == kRun) run_command(message->payload);
  if (message->kind == kEnd) begin_end();
  if (message->kind == kSignal && command_) {
    if (asks_to_end(message->value)) {
      app::signal_descendants(::getpid(), message->value);
    } else if (!command_ended_) {
      command_->signal(message->value);
    }
  }
}

void GuardProcess::run_command(const std::string& payload) {
  using enum GuardMessage::Kind;
  const std::vector<std::string> texts = split_texts(payload);
  const auto words = static_cast<std::ptrdiff_t>(std::stoul(texts.front()));
  app::ChildCommand command;
  command.argv.assign(texts.begin() + 1, texts.begin() + 1 + words);
  command.environment.assign(texts.begin() + 1 + words, texts.end());
  command.own_process_group = interactive_group_ == 0;
  command.process_group = interactive_group_;
  command.dies_with_thread = true;  // if somebody kills the guard
  auto started = app::ChildProcess::start(command);
  if (!started) {
    send_message(socket_.get(), {kFailed, static_cast<std::int32_t>(started.error().code), started.error().message});
    done_ = true;
    return;
  }
  command_ = std::move(*started);
  send_message(socket_.get(), {kRunning, 0});
}

// Peeks first: the command is for its ChildProcess to reap.
void GuardProcess::reap() {
  if (!command_) return;
  for (;;) {
    siginfo_t info{};
    if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0) {  // no child is left: nothing is
      done_ = true;
      if (!peer_gone_) send_message(socket_.get(), {GuardMessage::Kind::kClear, 0});
      return;
    }
    if (info.si_pid == 0) return;
    if (info.si_pid != command_->pid()) {
      ::waitpid(info.si_pid, nullptr, 0);
      continue;
    }
    const auto code = command_->wait_for(std::chrono::milliseconds(0));
    command_ended_ = true;
    if (!peer_gone_) send_message(socket_.get(), {GuardMessage::Kind::kCommand, code.value_or(0)});
    begin_end();  // of what it left running, if it did
  }
}

void GuardProcess::begin_end() {
  if (!command_ || kill_at_) return;
  kill_at_ = boot_now() + grace_;
  app::signal_descendants(::getpid(), SIGTERM);
  app::signal_descendants(::getpid(), SIGCONT);  // one that is stopped hears nothing else
}

void GuardProcess::check_time() {
  if (!command_) return;
  const std::int64_t now = boot_now();
  const std::int64_t deadline = deadline_.load();
  if (deadline != 0 && now >= deadline - grace_ && !command_ended_ && !std::exchange(out_of_time_, true)) {
    if (!peer_gone_) send_message(socket_.get(), {GuardMessage::Kind::kOutOfTime, 0});
    begin_end();
  }
  if (kill_at_ && now >= (deadline == 0 ? *kill_at_ : std::min(*kill_at_, deadline))) kill_all();
}

void GuardProcess::kill_all() {
  const auto tree = app::signal_descendants(::getpid(), SIGKILL);
  if (tree.reached != 0 || tree.forbidden == 0 || boot_now() < *kill_at_ + kGiveUpAfter) return;
  done_ = true;
  if (!peer_gone_) {
    send_message(socket_.get(), {GuardMessage::Kind::kClear, static_cast<std::int32_t>(tree.forbidden)});
  }
}

void GuardProcess::arm_timer() const {
  std::int64_t at = 0;  // disarmed
  const std::int64_t deadline = deadline_.load();
  if (command_) {
    if (kill_at_) {
      at = deadline == 0 ? *kill_at_ : std::min(*kill_at_, deadline);
      if (const std::int64_t now = boot_now(); at <= now) at = now + kKillAgain;
    } else if (deadline != 0) {
      at = std::max<std::int64_t>(deadline - grace_, 1);
    }
  }
  itimerspec when{};
  when.it_value.tv_sec = at / kSecond;
  when.it_value.tv_nsec = at % kSecond;
  ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

}  // namespace idetcd::tool
