#include "common/system/exit_status.h"

#include <fmt/format.h>

#include <cstdio>
#include <sstream>
#include <string>

#include "common/values/printable.h"

namespace idetcd::app {

const std::string_view kExitStatusHelp =
    "Exit status:\n"
    "   0  stopped as requested\n"
    "  64  a wrong flag, argument or environment value\n"
    "  69  etcd is unusable, e.g. the TLS handshake failed\n"
    "  70  an internal error\n"
    "  71  the system refused, e.g. a port is in use\n"
    "  75  no free name in the pool, or the name was lost (--on-lost exit)\n"
    "  77  etcd denied the user, the password or the permission\n"
    "  78  a wrong configuration file, or a node id that another process uses\n";

int exit_status_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kInvalidArgument: return kExitUsage;
    case ErrorCode::kFull:
    case ErrorCode::kLost: return kExitTryLater;
    case ErrorCode::kDuplicateNode: return kExitConfig;
    case ErrorCode::kDenied: return kExitDenied;
    case ErrorCode::kCancelled: return kExitOk;
    case ErrorCode::kExhausted: return kExitOs;
    case ErrorCode::kInternal: return kExitInternal;
    case ErrorCode::kNotFound:
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kDeadlineExceeded:
    case ErrorCode::kUnavailable:
    case ErrorCode::kUntrusted:
    case ErrorCode::kCompacted:
    case ErrorCode::kTooManyOperations:
    case ErrorCode::kNoSpace: return kExitUnavailable;
  }
  return kExitInternal;
}

int report_exit(std::string_view program, const Exit& exit) {
  std::string text;
  std::istringstream lines(fmt::format("{}: {}", program, exit.what()));  // a pattern is shown with a caret below it
  for (std::string line; std::getline(lines, line);) text += printable(line) + "\n";
  std::fputs(text.c_str(), stderr);  // fmt::print would throw if nobody reads it
  return exit.status();
}

}  // namespace idetcd::app
