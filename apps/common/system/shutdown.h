// Shutdown: the one place where a program learns that it should end, and why.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <functional>
#include <initializer_list>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "common/system/file_descriptor.h"

namespace idetcd::app {

// Construct it on the main thread before any other thread is started: from then on its
// signals do not kill the process but request the end with status 0, or go to a child, and
// those that are only to be noted do not even that.
// Owns one thread. All members are safe to call from any thread.
class Shutdown {
 public:
  // Throws Exit if the system has no file descriptor or thread left.
  explicit Shutdown(std::initializer_list<int> signals = {SIGINT, SIGTERM}, std::initializer_list<int> noted = {});
  Shutdown(const Shutdown&) = delete;
  Shutdown& operator=(const Shutdown&) = delete;
  ~Shutdown();

  // The first request counts.
  void request(int status);

  // From the first request on the program has so long: then its process ends, with a message
  // and kExitOs, whatever it waits for. Not for one that waits for a child (forward_to).
  void end_within(std::chrono::milliseconds time);

  // Stop is requested together with the end; for calls that block.
  std::stop_token token() const noexcept { return source_.get_token(); }

  // The exit status once the end was requested; none after `timeout`.
  std::optional<int> wait_for(std::chrono::milliseconds timeout);

  // The signal that requested the end; 0: none did.
  int signal() const noexcept { return signal_; }

  // From now on `note` is called for each signal of `noted`, on this object's thread; it must not block or call
  // back. Until then they have no effect.
  void note_to(std::function<void(int signal)> note);

  // From now on signals go to `deliver`, which passes them on to a child; empty: they
  // request the end again. Those of a terminal are left out, because it sends them to the
  // child itself. A request(), earlier or later, delivers SIGTERM. `deliver` is called on
  // any thread, one call at a time, never after the next forward_to() has returned; it
  // must not call back.
  void forward_to(std::function<void(int signal)> deliver);

 private:
  void run();
  int time_left();
  void on_signal(int number, bool from_terminal);

  const sigset_t noted_;
  std::stop_source source_;
  std::atomic<int> signal_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<int> status_;                                    // guarded by mutex_
  std::function<void(int)> deliver_;                             // guarded by mutex_
  std::function<void(int)> note_;                                // guarded by mutex_
  std::chrono::milliseconds end_within_{0};                      // guarded by mutex_; 0: no bound
  std::optional<std::chrono::steady_clock::time_point> end_by_;  // guarded by mutex_
  bool destroyed_ = false;                                       // guarded by mutex_
  FileDescriptor wake_;                                          // eventfd: the thread should look at the above
  FileDescriptor signals_;                                       // signalfd
  std::thread thread_;
};

}  // namespace idetcd::app
