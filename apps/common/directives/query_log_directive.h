// Reading the log directive.
#pragma once

#include <idetcd/result.h>

#include <vector>

#include "common/corefile/statement.h"
#include "common/settings/server_settings.h"

namespace idetcd::app {

// log [ZONE...] [FORMAT] {
//     class all|success|denial|error...
// }
Result<std::vector<QueryLogRule>> read_query_log_rules(const corefile::Statement& statement);

}  // namespace idetcd::app
