#include "log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

namespace idetcd::app {
namespace {

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return spdlog::level::debug;
    case LogLevel::kInfo: return spdlog::level::info;
    case LogLevel::kWarning: return spdlog::level::warn;
    case LogLevel::kError: return spdlog::level::err;
  }
  return spdlog::level::err;
}

}  // namespace

LogSink open_log(LogLevel least) {
  auto logger = std::make_shared<spdlog::logger>("idetcd", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_level(level_of(least));
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l: %v");
  return [logger](LogLevel level, std::string_view message) {
    logger->log(level_of(level), spdlog::string_view_t(message.data(), message.size()));
  };
}

}  // namespace idetcd::app
