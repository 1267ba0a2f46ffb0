// The log of a program: stderr, one line for each message.
#pragma once

#include <idetcd/log.h>

#include <cstddef>

namespace idetcd::app {

enum class LogFormat {
  kText,  // "2026-01-31T12:00:00.000+0100 info: MESSAGE"; "<6>MESSAGE" if stderr is the journal, which has its own time
  kJson,  // {"time":"...","level":"info","message":"MESSAGE"}
};

// A sink for messages of `min_level` or above. What could change a terminal is escaped (printable.h). May be called
// from any thread; never waits for stderr: a thread of its own writes. When stderr is not read fast enough the oldest
// of kMaxQueuedMessages are dropped, and a line says how many. When the last copy of the sink is destroyed, what is
// queued is written; at most 2 s are spent on that (longer if there is no thread left to wait on). Throws Exit with
// kExitOs if its thread cannot be started.
LogSink open_log(LogLevel min_level, LogFormat format = LogFormat::kText);

inline constexpr std::size_t kMaxQueuedMessages = 1024;

}  // namespace idetcd::app
