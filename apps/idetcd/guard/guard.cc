#include "guard/guard.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>
#include <utility>

#include "common/system/process_tree.h"
#include "guard/guard_process.h"
#include "guard/messages.h"

namespace idetcd::tool {
namespace {

using Kind = GuardMessage::Kind;

Error refused(const char* what) {
  return {ErrorCode::kUnavailable, fmt::format("the command cannot be guarded: {}: {}", what, std::strerror(errno))};
}

// The group that the terminal's keys reach, if it is ours: the command then has to be in it.
pid_t interactive_group() {
  const pid_t ours = ::getpgrp();
  return ::isatty(STDIN_FILENO) == 1 && ::tcgetpgrp(STDIN_FILENO) == ours ? ours : 0;
}

}  // namespace

Result<std::unique_ptr<Guard>> Guard::start(std::chrono::milliseconds grace) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return refused("socketpair");
  app::FileDescriptor ours(ends[0]);
  app::FileDescriptor theirs(ends[1]);
  void* page = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return refused("mmap");
  auto* shared = new (page) Shared{};
  app::become_subreaper();  // should somebody kill the guard, what it left comes to us
  const pid_t group = interactive_group();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ours = app::FileDescriptor();
    be_guard(std::move(theirs), *shared, grace, group);
  }
  if (pid < 0) {
    const Error error = refused("fork");
    ::munmap(page, sizeof(Shared));
    return error;
  }
  return std::unique_ptr<Guard>(new Guard(pid, std::move(ours), shared));
}

void Guard::be_guard(app::FileDescriptor socket, Shared& shared, std::chrono::milliseconds grace,
                     pid_t interactive_group) {
  ::setpgid(0, 0);  // a signal to our group, SIGSTOP among them, is not for the guard
  ::prctl(PR_SET_NAME, "idetcd-guard");
  if (app::become_subreaper()) GuardProcess(std::move(socket), shared.deadline, grace, interactive_group).serve();
  ::_exit(0);
}

Guard::~Guard() {
  if (!ended_) {
    ::kill(pid_, SIGKILL);  // the command dies with it
    after_guard_died();
  }
  ::munmap(shared_, sizeof(Shared));
}

Status Guard::run(const std::vector<std::string>& argv, const std::vector<std::string>& environment,
                  std::chrono::nanoseconds deadline) {
  extend(deadline);
  std::vector<std::string> texts{std::to_string(argv.size())};
  texts.insert(texts.end(), argv.begin(), argv.end());
  texts.insert(texts.end(), environment.begin(), environment.end());
  const bool sent = send_message(socket_.get(), {Kind::kRun, 0, join_texts(texts)});
  const auto reply = sent ? receive_message(socket_.get()) : std::nullopt;
  if (!reply) return Error{ErrorCode::kUnavailable, "the command cannot be run: its guard process has ended"};
  if (reply->kind == Kind::kFailed) return Error{static_cast<ErrorCode>(reply->value), reply->payload};
  return {};
}

void Guard::extend(std::chrono::nanoseconds deadline) noexcept {
  shared_->deadline.store(deadline.count());
}

void Guard::signal(int number) noexcept {
  const std::lock_guard lock(sending_);
  send_message(socket_.get(), {Kind::kSignal, number});
}

void Guard::end() noexcept {
  const std::lock_guard lock(sending_);
  send_message(socket_.get(), {Kind::kEnd, 0});
}

std::optional<Guard::Ended> Guard::wait_for(std::chrono::milliseconds most) {
  if (ended_) return ended_;
  pollfd readable{socket_.get(), POLLIN, 0};
  if (::poll(&readable, 1, static_cast<int>(most.count())) <= 0) return std::nullopt;
  const auto message = receive_message(socket_.get());
  if (!message) {
    ended_ = after_guard_died();
  } else if (message->kind == Kind::kCommand) {
    code_ = message->value;
  } else if (message->kind == Kind::kOutOfTime) {
    out_of_time_ = true;
  } else if (message->kind == Kind::kClear) {
    ended_ = Ended{.code = code_.value_or(128 + SIGKILL),
                   .escaped = static_cast<std::size_t>(message->value),
                   .out_of_time = out_of_time_};
    ::waitpid(pid_, nullptr, 0);
  }
  return ended_;
}

// The command itself died with the guard; its children are ours now.
Guard::Ended Guard::after_guard_died() {
  using namespace std::chrono_literals;
  constexpr int kMaxRounds = 2000;
  for (int round = 0; round < kMaxRounds; ++round) {
    ::waitpid(pid_, nullptr, WNOHANG);
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    if (::waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD) break;
    app::signal_descendants(::getpid(), SIGKILL);
    std::this_thread::sleep_for(5ms);  // the system ends them; there is nothing to be told of it
  }
  const auto left = app::signal_descendants(::getpid(), 0);
  return {.code = code_.value_or(128 + SIGKILL),
          .escaped = left.forbidden + left.reached,
          .out_of_time = out_of_time_,
          .guard_died = true};
}

}  // namespace idetcd::tool
