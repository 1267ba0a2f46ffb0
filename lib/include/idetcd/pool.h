// read_pool: all of one pool as it stands in etcd, read once.
#pragma once

#include <idetcd/etcd.h>
#include <idetcd/export.h>
#include <idetcd/pattern_template.h>
#include <idetcd/record.h>
#include <idetcd/result.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace idetcd {

// A taken name.
struct PoolName {
  SlotId slot = 0;
  std::string name{};  // with the trailing dot
  Record record{};
  Revision token = 0;         // the owner's fencing token (Claim::token)
  Revision mod_revision = 0;  // of the last change
  LeaseId lease = 0;          // 0: none, so that it stays for ever
  std::string malformed{};    // why the value is not a record, and `record` is empty; empty: it is one
};

// A node that waits for a name.
struct PoolTicket {
  std::string node_id{};
  std::size_t position = 0;  // 1 is next
  SlotId limit = 0;          // of that node's own pattern; 0: its ticket does not say
  LeaseId lease = 0;
};

// A slot that is kept for a node which had it (ClaimOptions::sticky).
struct PoolHold {
  SlotId slot = 0;
  std::string node_id{};
  LeaseId lease = 0;
};

// What a node said when it claimed.
struct PoolNode {
  std::string node_id{};
  SlotId slot = 0;        // 0: its entry is malformed
  std::string address{};  // for people: where the node is
  Revision token = 0;     // fencing token of its claim
  LeaseId lease = 0;
};

// All as of one revision of etcd.
struct PoolState {
  std::vector<PoolName> names;    // by slot
  std::vector<PoolTicket> queue;  // by position
  std::vector<PoolHold> holds;    // by slot
  std::vector<PoolNode> nodes;    // by node id
  Revision revision = 0;
};

// Reads the pool of `pattern` under `path` (as in ClaimOptions), in pages, so that no
// answer is large. Keys that are not the pool's are skipped; so are slots beyond the
// pattern's limit, but in `holds` and `nodes`.
//
// Blocks; any thread. `options` is for each request. An Error of etcd's is returned at
// once; only when etcd compacts what is being read does it begin again, a few times
// (then kCompacted). kDenied says which permissions the pool needs.
IDETCD_EXPORT Result<PoolState> read_pool(Etcd& etcd, const PatternTemplate& pattern, std::string_view path,
                                          const CallOptions& options = {});

// The keys of that pool: its records, and what its nodes tell each other. A role that claims needs
// `readwrite` on both ranges (etcd documentation, "Role-based access control"), one that only
// looks, `read`. `end` has no zero byte, so that a command line can hold it; a key or two more
// may be in the range for that. Any thread; does not block.
IDETCD_EXPORT std::vector<KeyRange> pool_keys(const PatternTemplate& pattern, std::string_view path);

}  // namespace idetcd
