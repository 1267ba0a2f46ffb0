// One number of what etcd tells at /metrics.
#pragma once

#include <string>

namespace idetcd::testing {

// The value of the unlabelled metric `name` at "http://127.0.0.1:PORT"; throws
// std::runtime_error if it can't be had.
double scrape(const std::string& endpoint, const std::string& name);

}  // namespace idetcd::testing
