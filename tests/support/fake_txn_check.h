// What etcd refuses about a transaction before it looks at its data.
#pragma once

#include <idetcd/etcd.h>

#include <cstddef>

namespace idetcd::testing {

inline constexpr std::size_t kDefaultMaxTxnOps = 128;

// etcd 3.4: a list of compares, then or else may be as long as `max_ops`; what the
// longest of the three uses up is not there for the transactions nested in it. A key
// may be written once on every path through the branches, and not deleted as well.
Status check_txn(const Txn& txn, std::size_t max_ops = kDefaultMaxTxnOps);

// Whether a range in etcd's sense has the key.
bool contains(const KeyRange& keys, std::string_view key) noexcept;

}  // namespace idetcd::testing
