// Where the library's few words go. It never writes to stdout or stderr itself.
#pragma once

#include <functional>
#include <string_view>

namespace idetcd {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// Called from the library's own threads, possibly from several at once; must not
// block and must not call back into the object that logs. Empty means silence.
using LogSink = std::function<void(LogLevel, std::string_view message)>;

}  // namespace idetcd
