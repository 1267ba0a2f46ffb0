// gRPC does not survive a fork: its threads stay in the parent, and a call in the child would
// wait for them for ever.
#pragma once

#include <idetcd/result.h>

#include <optional>

namespace idetcd::internal::transport {

// This process has begun to use gRPC; its later forks may not.
void note_use_of_grpc() noexcept;

// Whether this process is a fork of one that used gRPC before, and why nothing works here.
std::optional<Error> forked_from_user_of_grpc();

}  // namespace idetcd::internal::transport
