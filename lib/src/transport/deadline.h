// Deadlines: a point on the steady clock, and its form for gRPC.
#pragma once

#include <grpc/support/time.h>

#include <algorithm>
#include <chrono>

namespace idetcd::internal::transport {

using Deadline = std::chrono::steady_clock::time_point;

inline std::chrono::milliseconds time_left(Deadline deadline) {
  const auto left = deadline - std::chrono::steady_clock::now();
  return std::max(std::chrono::ceil<std::chrono::milliseconds>(left), std::chrono::milliseconds{0});
}

// On the monotonic clock, so that setting the wall clock moves no deadline.
inline gpr_timespec from_now(std::chrono::milliseconds duration) {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(duration.count(), GPR_TIMESPAN));
}

}  // namespace idetcd::internal::transport
