// What an etcd error means for a loop that tries again.
#pragma once

#include "machine/pool_keys.h"

#include <idetcd/result.h>

#include <string>

namespace idetcd {

// Worth trying again later, with the same request. A write may have happened.
inline bool is_transient(ErrorCode code) noexcept {
  return code == ErrorCode::kUnavailable || code == ErrorCode::kDeadlineExceeded || code == ErrorCode::kNoSpace;
}

// Says which keys, where etcd only says that it is not allowed.
inline Error explained(Error error, const PoolKeys& keys) {
  if (error.code == ErrorCode::kDenied && error.message.find("permission denied") != std::string::npos) {
    error.message += "; " + keys.permissions();
  }
  return error;
}

}  // namespace idetcd
