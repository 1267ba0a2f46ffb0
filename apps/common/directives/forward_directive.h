// The forward and cache directives of a Corefile, as CoreDNS has them.
#pragma once

#include <idetcd/result.h>

#include <string>
#include <vector>

#include "common/corefile/statement.h"
#include "common/values/forward_rule.h"

namespace idetcd::app {

// Reads the resolv.conf that it names. What has no effect here is added to `warnings`. An Error's message starts with
// "FILE:LINE: ".
Result<ForwardRule> read_forward_rule(const corefile::Statement& statement, std::vector<std::string>& warnings);

// `zones`: of the server block, where the directive names none.
Result<CacheRule> read_cache_rule(const corefile::Statement& statement, const std::vector<std::string>& zones,
                                  std::vector<std::string>& warnings);

}  // namespace idetcd::app
