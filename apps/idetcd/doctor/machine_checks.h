// What `idetcd doctor` looks at on this machine: what it publishes, and how names reach its programs.
#pragma once

#include <idetcd/pool.h>

#include "common/settings/settings.h"
#include "doctor/finding.h"

namespace idetcd::tool {

// What a daemon with these settings would publish.
void check_addresses(const app::Settings& settings, const app::PoolSettings& pool, Findings& findings);

// Whether `name`, which is in etcd, comes back from the DNS server at `server`, and from the C
// library, as every program asks. Blocks for some seconds at most.
void check_dns(const app::ListenAddress& server, const PoolName& name, Findings& findings);
void check_system_resolver(const PoolName& name, Findings& findings);

// The trap of names below .local, which multicast DNS claims for itself (RFC 6762 3).
void check_mdns(std::string_view zone, Findings& findings);

}  // namespace idetcd::tool
