// GuardProcess: what the guard does in its own process. One thread.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

#include "common/system/child_process.h"
#include "common/system/file_descriptor.h"
#include "guard/messages.h"

namespace idetcd::tool {

class GuardProcess {
 public:
  // `deadline`: nanoseconds of CLOCK_BOOTTIME, written by the other process; 0: none yet.
  // `interactive_group`: the process group that the terminal talks to, for the command to join; 0: none.
  GuardProcess(app::FileDescriptor socket, const std::atomic<std::int64_t>& deadline, std::chrono::milliseconds grace,
               pid_t interactive_group);

  // Until nothing of the command is left, and it ran or never will.
  void serve();

 private:
  void on_message();
  void run_command(const std::string& payload);
  void reap();
  void check_time();
  void begin_end();
  void kill_all();
  void arm_timer() const;

  app::FileDescriptor socket_;
  const std::atomic<std::int64_t>& deadline_;
  const std::int64_t grace_;  // nanoseconds
  const pid_t interactive_group_;
  app::FileDescriptor child_events_;
  app::FileDescriptor timer_;
  std::optional<app::ChildProcess> command_;
  bool command_ended_ = false;
  bool peer_gone_ = false;
  bool out_of_time_ = false;
  bool done_ = false;
  std::optional<std::int64_t> kill_at_;  // once SIGTERM was sent
};

}  // namespace idetcd::tool
