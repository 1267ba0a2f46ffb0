// What is shown of a taken name, as text and as JSON.
#pragma once

#include <idetcd/pool.h>

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace idetcd::tool {

std::vector<std::string> addresses_of(const Record& record);  // IPv4 first

std::string hexadecimal(LeaseId lease);  // as etcdctl has it

nlohmann::ordered_json to_json(const PoolName& name);

// With a line break behind it. Only ASCII: what others wrote into etcd may not be UTF-8, and may act on a terminal.
// `indent` -1: on one line.
std::string dump(const nlohmann::ordered_json& value, int indent = -1);

}  // namespace idetcd::tool
