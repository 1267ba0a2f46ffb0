// Which boot of which machine this process runs on.
#pragma once

#include <string>

namespace idetcd::internal {

// The kernel's random id of this boot (proc(5), /proc/sys/kernel/random/boot_id), the same in
// all containers of a machine; empty if it cannot be read.
std::string boot_id();

// A hash of it, 16 hexadecimal digits, for what others may read; empty as above.
std::string boot_mark();

}  // namespace idetcd::internal
