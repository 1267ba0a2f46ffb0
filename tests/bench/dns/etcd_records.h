// Records of worker1 .. workerN in an etcd, as N claims would have left them.
#pragma once

#include <idetcd/etcd.h>

#include <chrono>
#include <string>
#include <utility>

#include "synthetic_zone.h"

namespace idetcd::bench {

// What a claim writes: also who the node is and how long its lease lasts.
inline PutRequest put_of(SlotId slot, Record record) {
  record.port = 53;
  record.node = "node-" + std::to_string(slot);
  record.ttl = std::chrono::seconds(20);
  return {"worker" + std::to_string(slot) + ".tf.local.", to_json(record), 0};
}

// A hundred in one transaction; etcd takes 128 operations (--max-txn-ops).
inline Status load_records(Etcd& etcd, SlotId names) {
  for (SlotId slot = 1; slot <= names;) {
    Txn txn;
    for (int i = 0; i < 100 && slot <= names; ++i, ++slot)
      txn.success.emplace_back(put_of(slot, synthetic_record(slot).record));
    if (auto reply = etcd.txn(txn, {.timeout = std::chrono::seconds(30)}); !reply) return std::move(reply).error();
  }
  return {};
}

}  // namespace idetcd::bench
