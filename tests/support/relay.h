// Relay: a TCP relay on a free port of the loopback that delays or holds what passes.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <list>
#include <string>
#include <thread>
#include <vector>

namespace idetcd::testing {

// The setters may be called from any thread.
class Relay {
 public:
  explicit Relay(std::uint16_t to);  // on the loopback
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  std::uint16_t port() const noexcept { return port_; }

  void delay_answers(std::chrono::milliseconds time) { delay_ = time.count(); }  // of what comes from now on
  void stall();                           // nothing passes over the connections of now any more, while new ones work
  void hold(bool held) { held_ = held; }  // nothing passes; connections stay, as half-open ones

 private:
  using Moment = std::chrono::steady_clock::time_point;
  struct Chunk {
    Moment due;
    std::string bytes;
  };
  struct Way {  // one direction of a connection
    int from;
    int to;
    bool answers;
    std::deque<Chunk> waiting{};
  };
  struct Link {
    int client;
    int server;
    bool stalled = false;
    std::vector<Way> ways{};
  };

  void run(const std::stop_token& stop);
  void accept_one();
  bool pass(Way& way);  // false: it has ended

  const std::uint16_t to_;
  std::uint16_t port_ = 0;
  int listener_ = -1;
  std::atomic<std::int64_t> delay_{0};
  std::atomic<bool> held_{false};
  std::atomic<bool> to_stall_{false};
  std::list<Link> links_;  // the thread's own
  std::jthread thread_;
};

}  // namespace idetcd::testing
