#include "common/system/log.h"

#include <fmt/format.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "common/system/exit_status.h"
#include "common/values/printable.h"

namespace idetcd::app {
namespace {

using namespace std::chrono_literals;
using spdlog::details::thread_pool;

constexpr auto kMaxFlush = 2s;

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return spdlog::level::debug;
    case LogLevel::kInfo: return spdlog::level::info;
    case LogLevel::kWarning: return spdlog::level::warn;
    case LogLevel::kError: return spdlog::level::err;
  }
  return spdlog::level::err;
}

// systemd says which stream it gave us (JOURNAL_STREAM in systemd.exec(5)).
bool is_journal(int fd) {
  const char* variable = std::getenv("JOURNAL_STREAM");
  struct stat status {};
  return variable != nullptr && ::fstat(fd, &status) == 0 &&
         variable == fmt::format("{}:{}", status.st_dev, status.st_ino);
}

// As sd-daemon(3): the journal removes it, and knows the level.
std::string_view priority_of(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::debug: return "<7>";
    case spdlog::level::info: return "<6>";
    case spdlog::level::warn: return "<4>";
    default: return "<3>";
  }
}

constexpr const char* kTimePattern = "%Y-%m-%dT%H:%M:%S.%e%z";

// On the log's own thread, so it may block. Nobody can be told that stderr is closed.
class StderrSink : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit StderrSink(LogFormat format) : format_(format), journal_(is_journal(STDERR_FILENO)) {}

  // Where the queue and its count of dropped messages are.
  void watch(std::weak_ptr<thread_pool> pool) { pool_ = std::move(pool); }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    write(message);
    report_dropped();
  }
  void flush_() override {}

  void write(const spdlog::details::log_msg& message) {
    const std::string line = line_of(message);
    std::fwrite(line.data(), 1, line.size(), stderr);
  }

  std::string line_of(const spdlog::details::log_msg& message) {
    const std::string_view text(message.payload.data(), message.payload.size());
    const std::string_view level(spdlog::level::to_string_view(message.level).data());
    if (format_ == LogFormat::kJson) {
      const nlohmann::ordered_json line{{"time", time_of(message)}, {"level", level}, {"message", text}};
      return line.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace) + "\n";
    }
    if (journal_) return fmt::format("{}{}\n", priority_of(message.level), printable(text));
    return fmt::format("{} {}: {}\n", time_of(message), level, printable(text));
  }

  std::string time_of(const spdlog::details::log_msg& message) {
    spdlog::memory_buf_t time;
    formatter_->format(message, time);
    return {time.data(), time.size()};
  }

  // Once for each time that the queue was full: when it is empty again.
  void report_dropped() {
    const auto pool = pool_.lock();
    if (!pool || pool->overrun_counter() == reported_ || pool->queue_size() != 0) return;
    const std::size_t dropped = pool->overrun_counter() - std::exchange(reported_, pool->overrun_counter());
    const std::string text = fmt::format("{} log messages were dropped: stderr was not read fast enough", dropped);
    write(spdlog::details::log_msg("idetcd", spdlog::level::warn, text));
  }

  const LogFormat format_;
  const bool journal_;
  std::weak_ptr<thread_pool> pool_;
  std::size_t reported_ = 0;
};

class AsyncLog {
 public:
  AsyncLog(LogLevel min_level, LogFormat format)
      : sink_(std::make_shared<StderrSink>(format)),
        pool_(std::make_shared<thread_pool>(kMaxQueuedMessages, 1)),
        logger_(std::make_shared<spdlog::async_logger>("idetcd", sink_, pool_,
                                                       spdlog::async_overflow_policy::overrun_oldest)) {
    sink_->watch(pool_);
    logger_->set_level(level_of(min_level));
    logger_->set_formatter(
        std::make_unique<spdlog::pattern_formatter>(kTimePattern, spdlog::pattern_time_type::local, ""));
  }
  AsyncLog(const AsyncLog&) = delete;
  AsyncLog& operator=(const AsyncLog&) = delete;

  // The pool's destructor waits for the queue, which is for ever if nobody reads stderr.
  ~AsyncLog() {
    std::promise<void> flushed;
    auto done = flushed.get_future();
    try {
      std::thread([pool = std::move(pool_), flushed = std::move(flushed)]() mutable {
        pool.reset();
        flushed.set_value();
      }).detach();
    } catch (const std::system_error&) {
      return;  // no thread: the pool was destroyed here, with what was to run
    }
    done.wait_for(kMaxFlush);
  }

  void write(LogLevel level, std::string_view message) {
    logger_->log(level_of(level), spdlog::string_view_t(message.data(), message.size()));
  }

 private:
  const std::shared_ptr<StderrSink> sink_;
  std::shared_ptr<thread_pool> pool_;
  const std::shared_ptr<spdlog::async_logger> logger_;
};

}  // namespace

LogSink open_log(LogLevel min_level, LogFormat format) try {
  return [log = std::make_shared<AsyncLog>(min_level, format)](LogLevel level, std::string_view message) {
    log->write(level, message);
  };
} catch (const std::system_error& error) {
  throw Exit(kExitOs, fmt::format("cannot start the thread of the log: {}; raise the limits on threads and memory "
                                  "(ulimit -u, ulimit -v)",
                                  error.code().message()));
}

}  // namespace idetcd::app
