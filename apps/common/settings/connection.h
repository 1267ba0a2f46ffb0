// From settings to the library's options.
#pragma once

#include <idetcd/etcd.h>
#include <idetcd/my_address.h>
#include <idetcd/slot_claimer.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "common/settings/settings.h"
#include "common/system/exit_status.h"

namespace idetcd::app {

// Checks the settings of etcd. Throws Exit if one is wrong; does not wait for etcd.
std::shared_ptr<Etcd> connect_etcd(const Settings& settings, const LogSink& log);

EtcdOptions etcd_options(const Settings& settings, const LogSink& log);
MyAddressOptions address_options(const Settings& settings, const PoolSettings& pool);

// `on_position` is called as ClaimOptions::on_position. The position is logged at first and
// each time that it has halved.
ClaimOptions claim_options(const PoolSettings& pool, const LogSink& log,
                           std::function<void(std::size_t)> on_position = {});

// What this node publishes in a pool, and what to tell people of it.
struct Publication {
  Record record;
  std::string addresses;  // "10.0.0.7, fd00::7 (eth0, default route)"
  std::string warning;    // why others may not reach these addresses; empty: no doubt
};

// The addresses of this node and `port`. Throws Exit if it has no address. May block as my_addresses().
Publication own_record(const Settings& settings, const PoolSettings& pool, std::uint16_t port);

// The message and the status to end with when a claim failed. `position`: the last one
// in the queue; 0 if there was none.
Exit claim_failure(const PoolSettings& pool, const Error& error, std::size_t position);

// The same when max-wait was over before the first name was claimed. `position`: in the queue now; 0: etcd has not
// answered, or is away again.
Exit wait_failure(const PoolSettings& pool, std::size_t position);

}  // namespace idetcd::app
