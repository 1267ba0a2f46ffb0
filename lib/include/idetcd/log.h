// LogSink: where the library's few words go. It never writes to stdout or stderr itself.
#pragma once

#include <idetcd/export.h>

#include <functional>
#include <string_view>

namespace idetcd {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// Called from the library's own threads and from threads that are inside a call of the
// library, possibly from several at once. Must not block, throw, or call back into the
// object that logs; `message` is one line of UTF-8 and valid during the call. Empty means
// silence.
using LogSink = std::function<void(LogLevel, std::string_view message)>;

}  // namespace idetcd
