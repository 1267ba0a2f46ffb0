// The bounds of ClaimOptions, as slot_claimer.h states them.
#pragma once

#include <idetcd/slot_claimer.h>

#include <string_view>

namespace idetcd::internal {

// As ClaimOptions::node_id has it; an empty one is valid.
bool valid_node_id(std::string_view id) noexcept;

// kInvalidArgument, naming the option and what it may be.
Status check(const ClaimOptions& options);

}  // namespace idetcd::internal
