#include "support/etcd_contract.h"

namespace idetcd::testing {

std::vector<ContractCase> etcd_contract() {
  std::vector<ContractCase> all;
  for (const auto& group : {kv_contract(), txn_contract(), lease_contract(), watch_contract()}) {
    all.insert(all.end(), group.begin(), group.end());
  }
  return all;
}

}  // namespace idetcd::testing
