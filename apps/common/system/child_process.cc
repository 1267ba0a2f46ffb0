#include "common/system/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>

namespace idetcd::app {
namespace {

bool is_program(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

// The file of `program`; empty if there is none. execvp would search after the
// fork, where little is allowed.
std::string find_program(const std::string& program) {
  if (program.find('/') != std::string::npos) return ::access(program.c_str(), F_OK) == 0 ? program : std::string{};
  const char* variable = std::getenv("PATH");
  std::string_view path = variable == nullptr ? "/usr/local/bin:/usr/bin:/bin" : variable;
  while (true) {
    const auto colon = path.find(':');
    const std::string_view folder = path.substr(0, colon);
    std::string candidate = fmt::format("{}/{}", folder.empty() ? "." : folder, program);
    if (is_program(candidate)) return candidate;
    if (colon == std::string_view::npos) return {};
    path.remove_prefix(colon + 1);
  }
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> all;
  all.reserve(texts.size() + 1);
  for (const std::string& text : texts) all.push_back(const_cast<char*>(text.c_str()));
  all.push_back(nullptr);
  return all;
}

struct Prepared {
  std::string file;
  std::vector<char*> argv;
  std::vector<char*> environment;
  pid_t parent;
  int failure_fd;  // gets errno if the program cannot be started
};

// fallocate fails as on a file system that does not have it. If the kernel refuses the filter, nothing is lost but
// space.
void forbid_preallocation() {
  std::array<sock_filter, 4> program{{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                                      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fallocate, 0, 1),
                                      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOPNOTSUPP),
                                      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)}};
  const sock_fprog filter{program.size(), program.data()};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

// Between fork and exec only async-signal-safe calls are allowed.
[[noreturn]] void become(const ChildCommand& command, const Prepared& prepared) {
  if (command.own_process_group || command.process_group != 0) ::setpgid(0, command.process_group);
  if (command.dies_with_thread) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != prepared.parent) ::_exit(127);
  }
  if (command.no_preallocation) forbid_preallocation();
  if (command.stdout_fd >= 0) ::dup2(command.stdout_fd, STDOUT_FILENO);
  if (command.stderr_fd >= 0) ::dup2(command.stderr_fd, STDERR_FILENO);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  ::execve(prepared.file.c_str(), prepared.argv.data(), prepared.environment.data());
  const int reason = errno;
  [[maybe_unused]] const auto written = ::write(prepared.failure_fd, &reason, sizeof reason);
  ::_exit(127);
}

// glibc 2.36 declares pidfd_open without C linkage.
int open_pid_fd(pid_t pid) {
  return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
}

Error refused(std::string_view program, int reason) {
  return {ErrorCode::kUnavailable, fmt::format("cannot start {}: {}", program, std::strerror(reason))};
}

}  // namespace

std::vector<std::string> current_environment() {
  std::vector<std::string> all;
  for (char** at = environ; *at != nullptr; ++at) all.emplace_back(*at);
  return all;
}

Result<ChildProcess> ChildProcess::start(const ChildCommand& command) {
  const std::string& program = command.argv.front();
  Prepared prepared{find_program(program), pointers(command.argv), pointers(command.environment), ::getpid(), -1};
  if (prepared.file.empty()) {
    return Error{ErrorCode::kNotFound, fmt::format("{}: no such program in PATH", program)};
  }
  std::array<int, 2> failure{};
  if (::pipe2(failure.data(), O_CLOEXEC) != 0) return refused(program, errno);
  prepared.failure_fd = failure[1];

  const pid_t pid = ::fork();
  if (pid == 0) become(command, prepared);
  const int fork_reason = errno;
  ::close(failure[1]);
  int reason = 0;
  const bool failed = pid > 0 && ::read(failure[0], &reason, sizeof reason) == sizeof reason;
  ::close(failure[0]);
  if (pid < 0) return refused(program, fork_reason);

  ChildProcess child(pid, open_pid_fd(pid));
  if (failed) return refused(program, reason);
  if (child.pid_fd_ < 0) return refused(program, errno);
  return child;
}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pid_fd_, other.pid_fd_);
  std::swap(code_, other.code_);
  return *this;
}

ChildProcess::~ChildProcess() {
  if (pid_ > 0 && !code_) {
    ::kill(pid_, SIGKILL);  // not reaped yet: the number is still its own
    ::waitpid(pid_, nullptr, 0);
  }
  if (pid_fd_ >= 0) ::close(pid_fd_);
}

void ChildProcess::signal(int number) noexcept {
  // By the descriptor, which never refers to another process.
  ::syscall(SYS_pidfd_send_signal, pid_fd_, number, nullptr, 0);
}

std::optional<ExitCode> ChildProcess::wait_for(std::chrono::milliseconds most) noexcept {
  if (code_ || pid_ <= 0) return code_;
  pollfd ended{pid_fd_, POLLIN, 0};
  if (::poll(&ended, 1, static_cast<int>(most.count())) <= 0) return std::nullopt;
  int status = 0;
  if (::waitpid(pid_, &status, 0) != pid_) return std::nullopt;
  code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return code_;
}

ExitCode ChildProcess::end(std::chrono::milliseconds grace) noexcept {
  signal(SIGTERM);
  if (const auto code = wait_for(grace)) return *code;
  signal(SIGKILL);
  return wait_for(std::chrono::seconds(30)).value_or(128 + SIGKILL);
}

}  // namespace idetcd::app
