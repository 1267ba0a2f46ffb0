// Which node ids are valid. The rest of the bounds is check() of slot_claimer.h.
#pragma once

#include <string_view>

namespace idetcd::internal {

// As ClaimOptions::node_id has it; an empty one is valid.
bool valid_node_id(std::string_view id) noexcept;

}  // namespace idetcd::internal
