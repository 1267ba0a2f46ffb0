// The configuration of libunbound that stands for forward and cache directives.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "common/values/forward_rule.h"

namespace idetcd::resolver {

// In the language of unbound.conf(5). Pure.
std::string unbound_config(std::span<const app::ForwardRule> rules, const std::optional<app::CacheRule>& cache);

}  // namespace idetcd::resolver
