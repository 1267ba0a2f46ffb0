// Guard: a small process that runs a command and outlives whatever happens to us. When the command's
// time is over, nothing that the command started is alive.
//
// The guard is the parent of the command and inherits its orphans, so it finds every descendant,
// whatever process group or session it moved to. It ends them
//  - at the deadline that extend() set last, also when this process is stopped or swapped out by then:
//    SIGTERM `grace` before it, SIGKILL at it;
//  - when this process is gone: SIGTERM at once, SIGKILL after `grace` or at the deadline;
//  - when the command itself has ended and left something running: the same.
// It cannot end a process of another user, and cannot act while it is stopped itself.
#pragma once

#include <idetcd/result.h>
#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/system/child_process.h"
#include "common/system/file_descriptor.h"

namespace idetcd::tool {

// For one thread, but for extend(), signal() and end(), which any thread may call. The destructor kills what still
// runs, and waits for it.
class Guard {
 public:
  // Forks, so call it before any thread is started and before gRPC is used. kUnavailable: the system refused.
  static Result<std::unique_ptr<Guard>> start(std::chrono::milliseconds grace);
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;
  ~Guard();

  // Runs the command, until `deadline` at first. Returns when it runs, or an Error as ChildProcess::start. Once.
  Status run(const std::vector<std::string>& argv, const std::vector<std::string>& environment,
             std::chrono::nanoseconds deadline);

  // Moves the deadline, in time of CLOCK_BOOTTIME. One store; the guard looks at it when the old one is near, so
  // an earlier one needs end() as well.
  void extend(std::chrono::nanoseconds deadline) noexcept;

  // Signals that ask a process to end go to all that the command started, others to the command alone.
  void signal(int number) noexcept;

  // SIGTERM to all, SIGKILL after `grace` or at the deadline.
  void end() noexcept;

  struct Ended {
    app::ExitCode code = 0;    // of the command
    std::size_t escaped = 0;   // processes that are still there: another user's
    bool out_of_time = false;  // the deadline ended it
    bool guard_died = false;   // somebody killed it; we killed what it left
  };

  // None if something still runs after `most`.
  std::optional<Ended> wait_for(std::chrono::milliseconds most);

 private:
  struct Shared {
    std::atomic<std::int64_t> deadline;  // nanoseconds of CLOCK_BOOTTIME
  };

  Guard(pid_t pid, app::FileDescriptor socket, Shared* shared)
      : pid_(pid), socket_(std::move(socket)), shared_(shared) {}
  [[noreturn]] static void be_guard(app::FileDescriptor socket, Shared& shared, std::chrono::milliseconds grace,
                                    pid_t interactive_group);
  Ended after_guard_died();

  const pid_t pid_;
  std::mutex sending_;  // one message at a time
  app::FileDescriptor socket_;
  Shared* const shared_;  // a page that both processes see
  std::optional<app::ExitCode> code_;
  bool out_of_time_ = false;
  std::optional<Ended> ended_;
};

}  // namespace idetcd::tool
