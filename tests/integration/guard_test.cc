// Guard: whatever happens to whom, nothing that the command started outlives its time.
#include <catch2/catch.hpp>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "common/system/child_process.h"
#include "guard/guard.h"
#include "support/eventually.h"

namespace idetcd::testing {
namespace {

using namespace std::chrono_literals;
using tool::Guard;

std::chrono::nanoseconds boot_now() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

// Empty: the process has ended meanwhile (an istreambuf_iterator would throw then).
std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// How many processes have `marker` among their arguments.
std::size_t alive(const std::string& marker) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    if (read_file(entry.path() / "cmdline").find(marker) == std::string::npos) continue;
    const std::string status = read_file(entry.path() / "status");
    if (status.find("State:\tZ") == std::string::npos) ++count;
  }
  return count;
}

std::string new_marker() {
  static int number = 0;
  return "7777" + std::to_string(getpid()) + std::to_string(++number);
}

// Ignores SIGTERM, forks, leaves the group, the session and its parent: four processes in all.
std::vector<std::string> stubborn(const std::string& marker) {
  const std::string sleeper = "trap '' TERM HUP INT; while :; do sleep " + marker + "; done";
  return {"sh", "-c",
          "trap '' TERM HUP INT; setsid sh -c \"" + sleeper + "\" & (setsid sh -c \"" + sleeper +
              "\" &) ; while :; do sleep " + marker + "; done"};
}

std::unique_ptr<Guard> running(const std::string& marker, std::chrono::milliseconds grace,
                               std::chrono::nanoseconds deadline) {
  auto guard = Guard::start(grace);
  REQUIRE(guard);
  REQUIRE((*guard)->run(stubborn(marker), app::current_environment(), deadline));
  REQUIRE(eventually(20s, [&] { return alive(marker) >= 6; }));
  return std::move(*guard);
}

Guard::Ended ended(Guard& guard) {
  std::optional<Guard::Ended> end;
  REQUIRE(eventually(20s, [&] { return (end = guard.wait_for(10ms)).has_value(); }));
  return *end;
}

pid_t guard_of(pid_t parent) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string status = read_file(entry.path() / "status");
    if (status.starts_with("Name:\tidetcd-guard") && status.find("State:\tZ") == std::string::npos &&
        status.find("PPid:\t" + std::to_string(parent) + "\n") != std::string::npos) {
      return std::stoi(entry.path().filename());
    }
  }
  return -1;
}

TEST_CASE("a command's exit status comes through its guard", "[guard]") {
  auto guard = Guard::start(1s);
  REQUIRE(guard);
  REQUIRE((*guard)->run({"sh", "-c", "exit 7"}, app::current_environment(), boot_now() + 1h));
  CHECK(ended(**guard).code == 7);
}

TEST_CASE("a command that does not exist is an error, not an end", "[guard]") {
  auto guard = Guard::start(1s);
  REQUIRE(guard);
  const auto run = (*guard)->run({"no-such-program-here"}, app::current_environment(), boot_now() + 1h);
  REQUIRE_FALSE(run);
  CHECK(run.error().code == ErrorCode::kNotFound);
}

TEST_CASE("what a command leaves running ends with it", "[guard]") {
  const std::string marker = new_marker();
  auto guard = Guard::start(100ms);
  REQUIRE(guard);
  const std::string script = "(setsid sh -c \"trap '' TERM; sleep " + marker + "\" &); exit 3";
  REQUIRE((*guard)->run({"sh", "-c", script}, app::current_environment(), boot_now() + 1h));
  CHECK(ended(**guard).code == 3);
  CHECK(alive(marker) == 0);
}

TEST_CASE("a command that ignores SIGTERM, forks and leaves its session is ended", "[guard]") {
  const std::string marker = new_marker();
  const auto guard = running(marker, 100ms, boot_now() + 1h);
  guard->end();
  CHECK(ended(*guard).code == 128 + SIGKILL);
  CHECK(alive(marker) == 0);
}

TEST_CASE("nothing is alive once the deadline has passed, and all is until then", "[guard]") {
  const std::string marker = new_marker();
  const auto guard = running(marker, 100ms, boot_now() + 1h);
  guard->extend(boot_now() + 1h);
  CHECK_FALSE(guard->wait_for(200ms));  // the time in which it must not be ended
  guard->extend(boot_now() - 1ns);
  guard->end();
  CHECK(ended(*guard).out_of_time);
  CHECK(alive(marker) == 0);
}

// In a process of its own, which says "running" and then waits.
pid_t owner_in_a_process(const std::string& marker, std::chrono::nanoseconds lasts) {
  const pid_t owner = fork();
  if (owner != 0) return owner;
  auto guard = Guard::start(100ms);
  if (!guard || !(*guard)->run(stubborn(marker), app::current_environment(), boot_now() + lasts)) _exit(1);
  while (true) pause();
}

TEST_CASE("an owner that is stopped loses its command at the deadline", "[guard]") {
  const std::string marker = new_marker();
  const pid_t owner = owner_in_a_process(marker, 3s);
  REQUIRE(eventually(20s, [&] { return alive(marker) >= 6; }));
  kill(owner, SIGSTOP);
  CHECK(eventually(20s, [&] { return alive(marker) == 0; }));
  kill(owner, SIGKILL);
  waitpid(owner, nullptr, 0);
}

TEST_CASE("an owner that is killed takes its command with it, long before the deadline", "[guard]") {
  const std::string marker = new_marker();
  const pid_t owner = owner_in_a_process(marker, 1h);
  REQUIRE(eventually(20s, [&] { return alive(marker) >= 6; }));
  kill(owner, SIGKILL);
  waitpid(owner, nullptr, 0);
  CHECK(eventually(20s, [&] { return alive(marker) == 0; }));
}

TEST_CASE("a guard that is killed takes the command with it", "[guard]") {
  const std::string marker = new_marker();
  const auto guard = running(marker, 100ms, boot_now() + 1h);
  const pid_t process = guard_of(getpid());
  REQUIRE(process > 0);
  kill(process, SIGKILL);
  CHECK(ended(*guard).guard_died);
  CHECK(alive(marker) == 0);
}

}  // namespace
}  // namespace idetcd::testing
