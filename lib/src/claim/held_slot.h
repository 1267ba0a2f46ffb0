// HeldSlot: what a successful ClaimRun hands to the ClaimKeeper that keeps it.
#pragma once

#include "claim/leases.h"
#include "claim/state_file.h"
#include "machine/claim_machine.h"
#include "model/pool_keys.h"

#include <idetcd/etcd.h>
#include <idetcd/log.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace idetcd::internal {

struct HeldSlot {
  std::shared_ptr<Etcd> etcd;
  std::shared_ptr<const PoolKeys> keys;
  const Clock* clock = nullptr;
  LogSink log;
  std::string name;
  std::string node_id;
  Owned owned;
  Revision record_revision = 0;
  std::uint64_t cluster_id = 0;
  std::shared_ptr<ClaimMailbox> mailbox;
  LeasePair leases;  // the session lease is there
  std::optional<StateFile> state;
};

}  // namespace idetcd::internal
