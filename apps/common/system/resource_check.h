// Whether the system gives this process the threads and the memory that it will need.
#pragma once

namespace idetcd::app {

// What one program runs itself, besides its libraries: the reaction to signals, the log, the
// store of records, the claim and its keeper, and one that comes and goes.
inline constexpr unsigned kOwnThreads = 6;

// Starts `own_threads` threads and as many as gRPC may start, all at once, finds room beside
// them, and ends them again: a few milliseconds. Throws Exit with kExitOs if the system refuses.
//
// To be called before gRPC is used. It does not notice that a thread of its own could not be
// started, and then waits for it for ever: when the first call is made, or in a destructor.
void check_resources(unsigned own_threads = kOwnThreads);

}  // namespace idetcd::app
