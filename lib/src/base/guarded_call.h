// Calling what a user gave us: an exception of theirs must not end a thread of ours.
#pragma once

#include <idetcd/log.h>

#include <exception>
#include <string>
#include <utility>

namespace idetcd::internal {

// Calls `callback` if there is one; what it throws is logged and goes no further.
template <class Callback, class... Arguments>
void guarded_call(const LogSink& log, const char* name, const Callback& callback, Arguments&&... arguments) {
  if (!callback) return;
  std::string what;
  try {
    return callback(std::forward<Arguments>(arguments)...);
  } catch (const std::exception& exception) {
    what = exception.what();
  } catch (...) {
    what = "not a std::exception";
  }
  if (log) log(LogLevel::kError, std::string("the callback ") + name + " threw an exception: " + what);
}

}  // namespace idetcd::internal
