// Shutdown: the one place where a program learns that it should end, and why.
#pragma once

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

namespace idetcd::app {

// Construct it on the main thread before any other thread is started: from then on
// SIGINT and SIGTERM do not kill but request the end with status 0. Owns one thread.
// All members are safe to call from any thread.
class Shutdown {
 public:
  Shutdown();
  Shutdown(const Shutdown&) = delete;
  Shutdown& operator=(const Shutdown&) = delete;
  ~Shutdown();

  // The first request counts.
  void request(int status);

  // Stop is requested together with the end; for calls that block.
  std::stop_token token() const noexcept { return source_.get_token(); }

  // The exit status once the end was requested; none after `most`.
  std::optional<int> wait_for(std::chrono::milliseconds most);

 private:
  std::stop_source source_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<int> status_;  // guarded by mutex_
  int wake_fd_;                // eventfd: ends the thread
  std::thread thread_;
};

// The signals that Shutdown takes, for a child to unblock.
sigset_t shutdown_signals();

}  // namespace idetcd::app
