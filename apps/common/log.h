// The log of a program: stderr, one line for each message.
#pragma once

#include <idetcd/log.h>

namespace idetcd::app {

// A sink that writes what is at `least` or above; may be called from any thread.
LogSink open_log(LogLevel least);

}  // namespace idetcd::app
