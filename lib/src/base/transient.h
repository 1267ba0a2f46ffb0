// Which errors are worth another try.
#pragma once

#include <idetcd/result.h>

namespace idetcd::internal {

// Worth trying again later, with the same request. A write may have happened.
inline bool is_transient(ErrorCode code) noexcept {
  return code == ErrorCode::kUnavailable || code == ErrorCode::kDeadlineExceeded || code == ErrorCode::kNoSpace;
}

}  // namespace idetcd::internal
