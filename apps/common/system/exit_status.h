// Exit statuses of the programs: the numbers of sysexits(3), so that a service supervisor
// can distinguish "try again later" from "fix the configuration".
#pragma once

#include <idetcd/result.h>

#include <stdexcept>
#include <string>
#include <string_view>

namespace idetcd::app {

inline constexpr int kExitOk = 0;
inline constexpr int kExitUsage = 64;        // a wrong flag, argument or environment value
inline constexpr int kExitUnavailable = 69;  // etcd is unusable
inline constexpr int kExitInternal = 70;     // a bug in this program
inline constexpr int kExitOs = 71;           // the system refused: no socket, no process
inline constexpr int kExitTryLater = 75;     // no free name in the pool, or the claim was lost
inline constexpr int kExitDenied = 77;       // wrong user, password or permission
inline constexpr int kExitConfig = 78;       // a wrong configuration file, or a node id used twice

// What the numbers mean, for --help.
extern const std::string_view kExitStatusHelp;

int exit_status_of(ErrorCode code) noexcept;

// Ends the program: thrown on the main thread only, and reported by report_exit().
class Exit : public std::runtime_error {
 public:
  Exit(int status, const std::string& message) : std::runtime_error(message), status_(status) {}
  explicit Exit(const Error& error) : Exit(exit_status_of(error.code), error.message) {}

  int status() const noexcept { return status_; }

 private:
  int status_;
};

// Writes "PROGRAM: MESSAGE" to stderr and returns the status.
int report_exit(std::string_view program, const Exit& exit);

}  // namespace idetcd::app
