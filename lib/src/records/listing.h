// A range of keys of any size, read page by page as of one revision.
#pragma once

#include <idetcd/etcd.h>

#include <functional>

namespace idetcd::internal {

// Visits every key of `keys` at revision `at`; 0: at the newest, which the Header tells.
// Blocks. kCompacted: etcd compacted that revision before the last page was read; what
// was visited is worthless then, and reading begins anew.
Result<Header> visit_keys(Etcd& etcd, KeyRange keys, Revision at, const CallOptions& options,
                          const std::function<void(KeyValue&)>& visit);

}  // namespace idetcd::internal
