// What `idetcd doctor` asks of etcd: its members, our permissions, and what stands in the pools.
#pragma once

#include "common/settings/settings.h"
#include "doctor/finding.h"
#include "pools/inquiry.h"

namespace idetcd::tool {

// Each asks etcd, and blocks for some seconds at most.
void check_members(const app::Settings& settings, Findings& findings);
// False: nothing of the pool can be read, so that there is nothing more to ask.
bool check_permissions(Etcd& etcd, const app::PoolSettings& pool, Findings& findings);
void check_pool(Etcd& etcd, const app::PoolSettings& pool, Findings& findings);

}  // namespace idetcd::tool
