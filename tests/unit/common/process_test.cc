// Child processes, temporary folders, the end of a program.
#include "common/system/child_process.h"
#include "common/system/shutdown.h"
#include "common/system/temporary_folder.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include <array>
#include <fstream>

using namespace idetcd::app;
using namespace std::chrono_literals;

namespace {

idetcd::Result<ChildProcess> shell(const std::string& script,
                                   std::vector<std::string> environment = current_environment()) {
  return ChildProcess::start({.argv = {"sh", "-c", script}, .environment = std::move(environment)});
}

}  // namespace

TEST_CASE("a child's exit status is handed on") {
  auto child = shell("exit 7");
  REQUIRE(child);
  CHECK(child->wait_for(10s) == 7);
  CHECK(child->wait_for(0s) == 7);
}

TEST_CASE("a child that a signal ended counts as a shell counts it") {
  auto child = shell("kill -9 $$");
  REQUIRE(child);
  CHECK(child->wait_for(10s) == 128 + SIGKILL);
}

TEST_CASE("a child that ignores SIGTERM is killed") {
  std::array<int, 2> ready{};
  REQUIRE(::pipe2(ready.data(), O_CLOEXEC) == 0);
  auto child = ChildProcess::start({.argv = {"sh", "-c", "trap '' TERM; echo ready; exec sleep 1000"},
                                    .environment = current_environment(),
                                    .stdout_fd = ready[1]});
  REQUIRE(child);
  char first = 0;
  REQUIRE(::read(ready[0], &first, 1) == 1);
  CHECK_FALSE(child->wait_for(0ms));
  CHECK(child->end(1ms) == 128 + SIGKILL);
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_CASE("a child gets the environment it was given") {
  auto child = shell("test \"$IDETCD_NAME\" = worker1.x. && test -z \"$HOME\"", {"IDETCD_NAME=worker1.x."});
  REQUIRE(child);
  CHECK(child->wait_for(10s) == 0);
}

TEST_CASE("a program that is not there is said at once") {
  const auto child = ChildProcess::start({.argv = {"no-such-program-here"}, .environment = {}});
  REQUIRE_FALSE(child);
  CHECK(child.error().code == idetcd::ErrorCode::kNotFound);
}

TEST_CASE("a file that can not be run is said at once") {
  const auto folder = TemporaryFolder::create("idetcd-test-");
  REQUIRE(folder);
  const auto file = folder->path() / "broken";
  std::ofstream(file) << "#!/no/such/interpreter\n";
  std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  const auto child = ChildProcess::start({.argv = {file.string()}, .environment = {}});
  REQUIRE_FALSE(child);
  CHECK(child.error().code == idetcd::ErrorCode::kUnavailable);
}

TEST_CASE("a file without the permission to run it is there, but can not be started") {
  const auto started = ChildProcess::start({.argv = {"/etc/passwd"}, .environment = {}});
  REQUIRE_FALSE(started);
  CHECK(started.error().code == idetcd::ErrorCode::kUnavailable);
  CHECK(ChildProcess::start({.argv = {"/nowhere/passwd"}, .environment = {}}).error().code ==
        idetcd::ErrorCode::kNotFound);
}

TEST_CASE("a temporary folder goes with its owner") {
  std::filesystem::path path;
  {
    const auto folder = TemporaryFolder::create("idetcd-test-");
    REQUIRE(folder);
    path = folder->path();
    std::ofstream(path / "file") << "x";
    CHECK(std::filesystem::exists(path / "file"));
  }
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("the first request to end counts, and a signal is one") {
  {
    Shutdown shutdown;
    CHECK_FALSE(shutdown.wait_for(0ms));
    shutdown.request(75);
    shutdown.request(0);
    CHECK(shutdown.wait_for(10s) == 75);
    CHECK(shutdown.token().stop_requested());
  }
  {
    Shutdown shutdown;
    ::kill(::getpid(), SIGTERM);
    CHECK(shutdown.wait_for(10s) == 0);
    CHECK(shutdown.token().stop_requested());
  }
}
