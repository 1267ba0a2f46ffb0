// Program: one of our programs, started by a test with its output kept.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/system/child_process.h"
#include "support/etcd_process.h"
#include "support/eventually.h"

namespace idetcd::testing {

struct ProgramCommand {
  std::vector<std::string> argv;  // argv[0] is a path
  std::map<std::string, std::string> variables{};
  std::string corefile{};  // text of ./Corefile; empty: there is none
};

// Runs in a folder of its own, with no IDETCD_* or ETCDCTL_* variable but those of the
// command. The destructor kills it. Throws std::runtime_error if it can not be started.
class Program {
 public:
  explicit Program(const ProgramCommand& command);

  std::string output() const;   // stdout so far
  std::string errors() const;   // stderr so far
  std::string trouble() const;  // its lines but for those of the log's level info

  pid_t pid() const noexcept { return child_->pid(); }
  void signal(int number) noexcept { child_->signal(number); }
  bool running() noexcept { return !child_->wait_for(std::chrono::milliseconds(0)); }

  // None if it still runs after `most`.
  std::optional<int> wait_for(std::chrono::milliseconds most) noexcept { return child_->wait_for(most); }

 private:
  TemporaryFolder folder_;
  std::optional<app::ChildProcess> child_;
};

// idetcd-resolver on a free port of 127.0.0.1.
class Resolver {
 public:
  // With `arguments` after --listen 127.0.0.1:0.
  explicit Resolver(std::vector<std::string> arguments, std::map<std::string, std::string> variables = {});

  Program& program() noexcept { return program_; }

  // From "claimed worker3.tf.local. -> 10.0.0.7 (...); slot 3 of 5, ...": the last one it said. Waits
  // up to `patience` for the first; empty if none came or it ended.
  std::string name(std::chrono::milliseconds patience = kPatience);
  unsigned slot();  // 0: none

  // From "serving ... on 127.0.0.1:PORT". Waits; 0 if it did not come.
  std::uint16_t port();

 private:
  Program program_;
};

// How the daemon answers at `port`: the address, or the rcode, or "no answer". Asks again,
// as every resolver does, where none comes within a second.
std::string answer(std::uint16_t port, const std::string& name);
std::string answer_v6(std::uint16_t port, const std::string& name);

}  // namespace idetcd::testing
