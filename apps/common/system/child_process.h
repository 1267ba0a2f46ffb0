// ChildProcess: a program that this process starts and ends.
#pragma once

#include <idetcd/result.h>
#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace idetcd::app {

struct ChildCommand {
  std::vector<std::string> argv;         // not empty; argv[0] is looked up in PATH
  std::vector<std::string> environment;  // the whole of it, "NAME=value"
  int stdout_fd = -1;                    // -1: ours
  int stderr_fd = -1;                    // -1: ours

  // A terminal's Ctrl-C then does not reach it.
  bool own_process_group = false;
  // SIGKILL when the *thread* that started it ends, however that happens.
  bool dies_with_thread = false;
  // It cannot reserve space of a file system (fallocate), only grow files, so that they stay small.
  bool no_preallocation = false;
  // A process group of this session to join; 0: none.
  pid_t process_group = 0;
};

// The environment of this process.
std::vector<std::string> current_environment();

// How a process ended, in the way of a shell: its exit status, or 128 + the signal.
using ExitCode = int;

// Move-only; for one thread, but for signal(). The destructor kills the process if it
// still runs, and reaps it.
class ChildProcess {
 public:
  // Returns after exec: the program runs. kNotFound: no such program; kUnavailable: the
  // system refused.
  static Result<ChildProcess> start(const ChildCommand& command);

  ChildProcess(ChildProcess&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)), pid_fd_(std::exchange(other.pid_fd_, -1)), code_(other.code_) {}
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ~ChildProcess();

  pid_t pid() const noexcept { return pid_; }
  // Readable once the process has ended.
  int pid_fd() const noexcept { return pid_fd_; }

  // From any thread while the object lives; no effect once the process has ended.
  void signal(int number) noexcept;

  // Blocks. None if it still runs after `most`. May be called again.
  std::optional<ExitCode> wait_for(std::chrono::milliseconds most) noexcept;

  // SIGTERM, and SIGKILL after `grace`. Blocks until the process has ended.
  ExitCode end(std::chrono::milliseconds grace) noexcept;

 private:
  ChildProcess(pid_t pid, int pid_fd) : pid_(pid), pid_fd_(pid_fd) {}

  pid_t pid_;
  int pid_fd_;
  std::optional<ExitCode> code_;
};

}  // namespace idetcd::app
