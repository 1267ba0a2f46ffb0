#include <idetcd/result.h>

namespace idetcd {

std::string_view to_string(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kInvalidArgument: return "invalid_argument";
    case ErrorCode::kNotFound: return "not_found";
    case ErrorCode::kAlreadyExists: return "already_exists";
    case ErrorCode::kFull: return "full";
    case ErrorCode::kDuplicateNode: return "duplicate_node";
    case ErrorCode::kLost: return "lost";
    case ErrorCode::kCancelled: return "cancelled";
    case ErrorCode::kDeadlineExceeded: return "deadline_exceeded";
    case ErrorCode::kUnavailable: return "unavailable";
    case ErrorCode::kUntrusted: return "untrusted";
    case ErrorCode::kDenied: return "denied";
    case ErrorCode::kCompacted: return "compacted";
    case ErrorCode::kTooManyOperations: return "too_many_operations";
    case ErrorCode::kNoSpace: return "no_space";
    case ErrorCode::kExhausted: return "exhausted";
    case ErrorCode::kInternal: return "internal";
  }
  return "unknown";
}

}  // namespace idetcd
