// Notifies systemd of the state of a service of Type=notify (sd_notify(3)).
#pragma once

#include <string_view>

namespace idetcd::app {

// Sends `state` ("READY=1", "STATUS=...") to the socket that NOTIFY_SOCKET names. Without
// one, or if the socket does not accept it, nothing happens. Does not block. Any thread.
void notify_service(std::string_view state);

}  // namespace idetcd::app
