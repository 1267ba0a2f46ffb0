// The programs' log: what it writes, and that it does not wait for its reader.
#include "common/system/log.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <string>
#include <thread>

#include "common/system/exit_status.h"
#include "common/system/file_descriptor.h"
#include "common/system/terminal.h"
#include "common/values/printable.h"
#include "support/eventually.h"
#include "support/no_threads.h"

using namespace idetcd::app;
using namespace std::chrono_literals;
using idetcd::LogLevel;
using idetcd::testing::eventually;

namespace {

// stderr is a pipe for as long as this lives. The least that a pipe holds is a page.
class StderrPipe {
 public:
  StderrPipe() : original_(::dup(STDERR_FILENO)) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    reader_ = FileDescriptor(ends[0]);
    const FileDescriptor writer(ends[1]);
    ::fcntl(reader_.get(), F_SETPIPE_SZ, 4096);
    ::dup2(writer.get(), STDERR_FILENO);
  }
  ~StderrPipe() { restore(); }

  void restore() { ::dup2(original_.get(), STDERR_FILENO); }

  // All there is until nothing comes for half a second.
  std::string read_all() {
    std::string text;
    pollfd wait{reader_.get(), POLLIN, 0};
    while (::poll(&wait, 1, 500) > 0) {
      std::array<char, 4096> chunk;
      const ssize_t size = ::read(reader_.get(), chunk.data(), chunk.size());
      if (size <= 0) break;
      text.append(chunk.data(), static_cast<std::size_t>(size));
    }
    return text;
  }

 private:
  const FileDescriptor original_;
  FileDescriptor reader_;
};

}  // namespace

TEST_CASE("a log ends, and none begins, without a thread to be had", "[log]") {
  auto log = open_log(LogLevel::kInfo);
  const idetcd::testing::NoThreads none;
  log = {};
  int status = 0;
  try {
    log = open_log(LogLevel::kInfo);
  } catch (const Exit& exit) {
    status = exit.status();
  }
  CHECK(status == kExitOs);
}

TEST_CASE("the end of a log writes what is queued, in order", "[log]") {
  StderrPipe pipe;
  {
    const idetcd::LogSink log = open_log(LogLevel::kWarning);
    for (int i = 0; i < 50; ++i) log(LogLevel::kWarning, "message " + std::to_string(i));
    log(LogLevel::kInfo, "not asked for");
  }
  const std::string text = pipe.read_all();
  std::size_t at = 0;
  for (int i = 0; i < 50; ++i) {
    at = text.find("warning: message " + std::to_string(i) + "\n", at);
    REQUIRE(at != std::string::npos);
  }
  CHECK(text.find("not asked for") == std::string::npos);
}

TEST_CASE("a log in JSON has one object for each line, whatever the message has in it", "[log]") {
  StderrPipe pipe;
  open_log(LogLevel::kInfo, LogFormat::kJson)(LogLevel::kWarning, "a \"b\"\n\x1b[31m\xff");
  const std::string text = pipe.read_all();
  CHECK(text.rfind("{\"time\":\"20", 0) == 0);
  CHECK(text.find(R"(,"level":"warning","message":"a \"b\"\n\u001b[31m\ufffd"})"
                  "\n") != std::string::npos);
  CHECK(std::count(text.begin(), text.end(), '\n') == 1);
}

TEST_CASE("the journal gets the level and no second time", "[log]") {
  StderrPipe pipe;
  struct stat stream {};
  REQUIRE(::fstat(STDERR_FILENO, &stream) == 0);
  const auto line_for = [&](const std::string& variable) {
    ::setenv("JOURNAL_STREAM", variable.c_str(), 1);
    open_log(LogLevel::kInfo)(LogLevel::kWarning, "message");
    ::unsetenv("JOURNAL_STREAM");
    return pipe.read_all();
  };
  CHECK(line_for(std::to_string(stream.st_dev) + ":" + std::to_string(stream.st_ino)) == "<4>message\n");
  CHECK(line_for("1:2").find(" warning: message\n") != std::string::npos);  // stderr was redirected
}

TEST_CASE("what others wrote cannot act on a terminal", "[log]") {
  CHECK(printable("worker1 \xc3\xa4 \xf0\x9f\x98\x80") == "worker1 \xc3\xa4 \xf0\x9f\x98\x80");
  CHECK(printable("a\x1b[2Jb\r\n\x7f") == "a\\x1b[2Jb\\x0d\\x0a\\x7f");
  CHECK(printable("\xc2\x9b"
                  "31m") == "\\xc2\\x9b31m");             // CSI in one character
  CHECK(printable("\xe2\x80\xae") == "\\xe2\\x80\\xae");  // writes the rest from right to left
  CHECK(printable("\xff\xc3") == "\\xff\\xc3");
  CHECK(printable("\xc0\x9b") == "\\xc0\\x9b");  // an overlong ESC
  StderrPipe pipe;
  open_log(LogLevel::kInfo)(LogLevel::kInfo, "node \x1b[2J");
  CHECK(pipe.read_all().find("info: node \\x1b[2J\n") != std::string::npos);
}

TEST_CASE("colours are for terminals, unless NO_COLOR is set") {
  const FileDescriptor terminal(::posix_openpt(O_RDWR | O_NOCTTY));
  REQUIRE(terminal);
  const char* before = std::getenv("TERM");
  const std::string kind = before != nullptr ? before : "";
  ::setenv("TERM", "xterm", 1);
  ::unsetenv("NO_COLOR");
  CHECK(shows_colours(terminal.get()));
  ::setenv("NO_COLOR", "1", 1);
  CHECK_FALSE(shows_colours(terminal.get()));
  ::unsetenv("NO_COLOR");
  ::setenv("TERM", "dumb", 1);
  CHECK_FALSE(shows_colours(terminal.get()));
  ::setenv("TERM", "xterm", 1);
  StderrPipe pipe;
  CHECK_FALSE(shows_colours(STDERR_FILENO));
  before != nullptr ? ::setenv("TERM", kind.c_str(), 1) : ::unsetenv("TERM");
}

TEST_CASE("a log that nobody reads stops nobody; what was dropped is counted, once", "[log]") {
  constexpr std::size_t kMessages = 3 * kMaxQueuedMessages;
  StderrPipe pipe;
  std::string text;
  std::atomic<bool> logged{false};
  const idetcd::LogSink log = open_log(LogLevel::kInfo);
  std::jthread keeper([&] {
    for (std::size_t i = 0; i < kMessages; ++i) log(LogLevel::kInfo, "no reader " + std::string(60, '.'));
    logged = true;
  });
  CHECK(eventually(10s, [&] { return logged.load(); }));
  text = pipe.read_all();
  keeper.join();
  const std::string mark = " log messages were dropped";
  const auto notice = text.find(mark);
  REQUIRE(notice != std::string::npos);
  CHECK(notice == text.rfind(mark));
  const auto number = text.rfind(' ', notice - 1) + 1;
  std::size_t lines = 0;
  for (auto at = text.find("no reader"); at != std::string::npos; at = text.find("no reader", at + 1)) ++lines;
  CHECK(std::stoul(text.substr(number)) + lines == kMessages);
}

TEST_CASE("a log that nobody reads does not keep the program from ending", "[log]") {
  StderrPipe pipe;
  std::atomic<bool> ended{false};
  std::jthread program([&] {
    {
      const idetcd::LogSink log = open_log(LogLevel::kInfo);
      for (int i = 0; i < 200; ++i) log(LogLevel::kInfo, "no reader " + std::string(60, '.'));
    }
    ended = true;
  });
  CHECK(eventually(10s, [&] { return ended.load(); }));
  pipe.read_all();
}
