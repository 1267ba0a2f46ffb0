// Tells systemd how a service of Type=notify is doing (sd_notify(3)).
#pragma once

#include <string_view>

namespace idetcd::app {

// Sends "READY=1", "STATUS=..." and the like to the socket that NOTIFY_SOCKET names.
// Nothing happens if there is none. Does not block.
void notify_service(std::string_view state);

}  // namespace idetcd::app
