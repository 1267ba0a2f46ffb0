// What the daemon may still do once it serves. Needs root: skipped, with a warning, elsewhere.
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <string>

#include "common/system/exit_status.h"
#include "support/program.h"

using namespace idetcd::testing;
using namespace idetcd::app;

namespace {

// An account that every system has.
const char* const kAccount = "nobody";

bool is_root() {
  if (geteuid() == 0) return true;
  WARN("skipped: needs root");
  return false;
}

std::vector<std::string> command(std::vector<std::string> more) {
  std::vector<std::string> argv{IDETCD_RESOLVER,      "--no-claim", "--endpoints",
                                "http://127.0.0.1:1", "--pattern",  "worker{{.ID}}.tf.local."};
  argv.insert(argv.end(), more.begin(), more.end());
  return argv;
}

// A loopback address that no other run of this test uses.
std::string own_address() {
  const pid_t pid = getpid();
  return "127.77." + std::to_string(pid / 254 % 254 + 1) + "." + std::to_string(pid % 254 + 1);
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// The value of a line of /proc/PID/status, for every thread: all must agree.
std::string of_all_threads(const Program& program, const std::string& field) {
  std::string value;
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(program.pid()) + "/task")) {
    std::ifstream status(task.path() / "status");
    for (std::string line; std::getline(status, line);) {
      if (!line.starts_with(field + ":")) continue;
      const auto begin = line.find_first_not_of(" \t", field.size() + 1);
      std::string now = begin == std::string::npos ? "" : line.substr(begin);
      if (!value.empty()) CHECK(now == value);
      value = std::move(now);
    }
  }
  return value;
}

void check_lowered(const Program& program) {
  for (const char* set : {"CapPrm", "CapEff"}) CHECK(of_all_threads(program, set) == "0000000000000400");
  for (const char* set : {"CapInh", "CapBnd", "CapAmb"}) CHECK(of_all_threads(program, set) == "0000000000000000");
  CHECK(of_all_threads(program, "NoNewPrivs") == "1");
}

void check_refused(const std::vector<std::string>& argv, const std::string& corefile, int status,
                   const std::string& message) {
  Program program({.argv = argv, .corefile = corefile});
  const auto ended = program.wait_for(kPatience);
  INFO(program.errors());
  CHECK(ended == status);
  CHECK(has(program.errors(), message));
}

}  // namespace

TEST_CASE("a daemon of root keeps one capability, to bind low ports, in every thread", "[privileges]") {
  if (!is_root()) return;
  Program daemon({.argv = command({"--listen", own_address() + ":53", "--metrics", own_address() + ":80"})});
  REQUIRE(eventually([&] { return has(daemon.errors(), "metrics on " + own_address() + ":80"); }));
  check_lowered(daemon);
  CHECK(of_all_threads(daemon, "Uid").starts_with("0\t"));
}

TEST_CASE("--run-as changes user and groups, and low ports can still be bound", "[privileges]") {
  if (!is_root()) return;
  const passwd* const account = getpwnam(kAccount);
  REQUIRE(account != nullptr);
  const std::string uid = std::to_string(account->pw_uid);
  const std::string gid = std::to_string(account->pw_gid);
  // The metrics' port is bound after the change, as a port of a reload would be.
  Program daemon(
      {.argv = command({"--listen", own_address() + ":53", "--metrics", own_address() + ":80", "--run-as", kAccount})});
  REQUIRE(eventually([&] { return has(daemon.errors(), "metrics on " + own_address() + ":80"); }));
  check_lowered(daemon);
  CHECK(of_all_threads(daemon, "Uid") == uid + "\t" + uid + "\t" + uid + "\t" + uid);
  CHECK(of_all_threads(daemon, "Gid") == gid + "\t" + gid + "\t" + gid + "\t" + gid);
  CHECK(of_all_threads(daemon, "Groups") == gid + " ");
}

TEST_CASE("--run-as needs an account of this machine, and root", "[privileges]") {
  if (!is_root()) return;
  check_refused(command({"--listen", "127.0.0.1:0", "--run-as", "no-such-account"}), "", kExitUsage,
                "--run-as: there is no account \"no-such-account\" on this machine");
  check_refused(command({"--listen", "127.0.0.1:0"}),
                ". {\nidetcd {\npattern worker{{.ID}}.tf.local.\nrun-as no-such-account\n}\n}\n", kExitConfig,
                "Corefile:4: run-as: there is no account");
}

TEST_CASE("--run-as refuses files that the account cannot read, and says which", "[privileges]") {
  if (!is_root()) return;
  const TemporaryFolder folder("privileges");
  const std::filesystem::path password = folder.path() / "password";
  chmod(folder.path().c_str(), 0711);
  std::ofstream(password) << "secret\n";
  chmod(password.c_str(), 0600);
  const std::vector<std::string> claims{IDETCD_RESOLVER,
                                        "--listen",
                                        "127.0.0.1:0",
                                        "--endpoints",
                                        "http://127.0.0.1:1",
                                        "--pattern",
                                        "worker{{.ID}}.tf.local.",
                                        "--advertise",
                                        "10.0.0.1",
                                        "--run-as",
                                        kAccount};
  const auto with = [&](std::vector<std::string> more) {
    std::vector<std::string> argv = claims;
    argv.insert(argv.end(), more.begin(), more.end());
    return argv;
  };
  const auto quoted = [](const std::filesystem::path& path) { return "\"" + path.string() + "\""; };
  const std::string as = " as user " + std::string(kAccount) + ": Permission denied; chown or chmod it";

  check_refused(with({"--user", "root", "--password-file", password.string()}), "", kExitUsage,
                "--password-file: " + quoted(password) + " cannot be read" + as);
  check_refused(with({}), ". {\nidetcd {\n}\n}\n", kExitUsage, "--conf: \"Corefile\" cannot be read" + as);
}
