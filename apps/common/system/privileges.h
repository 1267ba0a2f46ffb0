// Privileges: what a daemon gives up before it serves, and whether it still reaches its files.
#pragma once

#include <idetcd/result.h>

#include <filesystem>
#include <string>

namespace idetcd::app {

// Becomes `account` with its groups (empty: stays who it is), and keeps of all capabilities
// CAP_NET_BIND_SERVICE only, if it had that: a reload may bind again. Neither this process nor
// a program that it starts gets others: no-new-privileges, and an empty bounding set where
// that may be emptied.
//
// Call it before the first thread is started: Linux keeps capabilities for each thread.
// kInvalidArgument: no such account; kDenied: only root may change to it; kUnavailable: the
// system refused. Some may have been given up then, so end the process.
Status lower_privileges(const std::string& account);

// Whether this process may read the file. kDenied names it, the reason and the remedy.
Status check_readable(const std::filesystem::path& file);

}  // namespace idetcd::app
