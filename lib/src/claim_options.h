// The bounds of ClaimOptions, as slot_claimer.h states them.
#pragma once

#include <idetcd/slot_claimer.h>

namespace idetcd {

// kInvalidArgument, naming the option and what it may be.
Status check(const ClaimOptions& options);

}  // namespace idetcd
