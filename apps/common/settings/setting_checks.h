// Checks of the settings as a whole.
#pragma once

#include "common/settings/settings.h"

namespace idetcd::app {

// What can be seen only with all values known: the library's own checks of its options, and
// settings that contradict each other. Throws as refuse(). What connect() checks (endpoints,
// TLS, user) is checked by connect_etcd().
void check_settings(const Settings& settings);

}  // namespace idetcd::app
