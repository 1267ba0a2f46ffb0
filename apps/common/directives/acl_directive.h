// Reading the acl directive.
#pragma once

#include <idetcd/result.h>

#include <string>
#include <vector>

#include "common/corefile/statement.h"
#include "common/values/acl.h"

namespace idetcd::app {

// acl [ZONE...] {
//     ACTION [type TYPE...] [net ADDRESS_OR_NETWORK...]
// }
// `zones`: those of the server block, if none are given.
Result<AclRule> read_acl_rule(const corefile::Statement& statement, const std::vector<std::string>& zones);

}  // namespace idetcd::app
