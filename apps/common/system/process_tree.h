// ProcessTree: everything that descends from one process, whatever group or session it moved to.
//
// It works below a child subreaper (prctl(2), PR_SET_CHILD_SUBREAPER): an orphan then stays a
// descendant. Reads /proc, so it finds processes of other users too, but cannot signal them.
#pragma once

#include <sys/types.h>

#include <cstddef>

namespace idetcd::app {

// Makes this process the one that inherits the orphans among its descendants. False: the system refused.
bool become_subreaper() noexcept;

struct SignalledTree {
  std::size_t reached = 0;    // processes that the signal was sent to
  std::size_t forbidden = 0;  // processes that this user may not signal
};

// Sends `number` to every living descendant of `root`, not to `root` itself. A process that is being
// forked meanwhile may be missed: repeat until nothing is reached.
SignalledTree signal_descendants(pid_t root, int number);

}  // namespace idetcd::app
