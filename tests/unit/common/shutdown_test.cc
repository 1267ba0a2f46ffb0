// Signals: to the program, or on to its child.
#include "common/system/shutdown.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include <atomic>
#include <string>

#include "common/system/exit_status.h"
#include "common/system/file_descriptor.h"
#include "common/system/resource_check.h"
#include "support/eventually.h"
#include "support/no_threads.h"

using namespace idetcd::app;
using namespace std::chrono_literals;
using idetcd::testing::eventually;

TEST_CASE("signals end the program, go to its child, or end the program again", "[shutdown]") {
  Shutdown shutdown{SIGTERM, SIGUSR1};
  std::atomic<int> delivered{0};
  shutdown.forward_to([&](int number) { delivered = number; });
  ::kill(::getpid(), SIGUSR1);
  CHECK(eventually(10s, [&] { return delivered == SIGUSR1; }));
  ::kill(::getpid(), SIGTERM);
  CHECK(eventually(10s, [&] { return delivered == SIGTERM; }));
  CHECK_FALSE(shutdown.wait_for(0ms));
  CHECK(shutdown.signal() == 0);

  shutdown.forward_to({});
  ::kill(::getpid(), SIGTERM);
  CHECK(shutdown.wait_for(10s) == kExitOk);
  CHECK(shutdown.signal() == SIGTERM);
}

TEST_CASE("a signal that is only noted neither ends the program nor reaches its child", "[shutdown]") {
  Shutdown shutdown({SIGTERM}, {SIGHUP});
  ::kill(::getpid(), SIGHUP);  // before anybody wants to know
  std::atomic<int> noted{0};
  shutdown.note_to([&](int number) { noted = number; });
  shutdown.forward_to([](int) { FAIL(); });
  ::kill(::getpid(), SIGHUP);
  CHECK(eventually([&] { return noted == SIGHUP; }));
  CHECK_FALSE(shutdown.wait_for(0ms));
  shutdown.forward_to({});
  shutdown.note_to({});
}

TEST_CASE("a child that comes after the end was requested is ended", "[shutdown]") {
  Shutdown shutdown{SIGTERM};
  ::kill(::getpid(), SIGTERM);
  REQUIRE(shutdown.wait_for(10s));
  int delivered = 0;
  shutdown.forward_to([&](int number) { delivered = number; });
  CHECK(delivered == SIGTERM);
  shutdown.forward_to({});
}

TEST_CASE("a program that does not end in time is ended", "[shutdown]") {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    Shutdown shutdown{SIGTERM};
    shutdown.end_within(50ms);
    ::kill(::getpid(), SIGTERM);
    while (true) ::pause();  // as gRPC does for a thread that was never started
  }
  int status = 0;
  const bool ended = eventually(10s, [&] { return ::waitpid(child, &status, WNOHANG) == child; });
  if (!ended) ::kill(child, SIGKILL);
  REQUIRE(ended);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == kExitOs);
}

TEST_CASE("a program that ends in time has its own status", "[shutdown]") {
  Shutdown shutdown{SIGTERM};
  shutdown.end_within(1h);
  shutdown.request(kExitTryLater);
  CHECK(shutdown.wait_for(10s) == kExitTryLater);
}

TEST_CASE("without a thread for gRPC there is an error before it is used", "[resources]") {
  check_resources();
  const idetcd::testing::NoThreads none;
  int status = 0;
  std::string message;
  try {
    check_resources();
  } catch (const Exit& exit) {
    status = exit.status();
    message = exit.what();
  }
  CHECK(status == kExitOs);
  CHECK(message.find("raise the limits on threads and memory") != std::string::npos);
}

// The sanitizer for undefined behaviour looks at an object through a pipe, and takes it for broken where there is no
// descriptor left for one.
#ifndef __SANITIZE_ADDRESS__
TEST_CASE("without a file descriptor left there is an error, not a deaf program", "[shutdown]") {
  rlimit original{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &original) == 0);
  const FileDescriptor first_free(::dup(STDIN_FILENO));
  for (rlim_t given : {0, 1}) {  // an eventfd and a signalfd are needed
    rlimit limit = original;
    limit.rlim_cur = static_cast<rlim_t>(first_free.get()) + 1 + given;
    REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    int status = 0;
    try {
      Shutdown shutdown{SIGTERM};
    } catch (const Exit& exit) {
      status = exit.status();
    }
    setrlimit(RLIMIT_NOFILE, &original);
    CHECK(status == kExitOs);
  }
}
#endif
