// From settings to the library's options.
#pragma once

#include <idetcd/etcd.h>
#include <idetcd/slot_claimer.h>

#include "address_choice.h"
#include "exit_status.h"
#include "settings.h"

#include <cstddef>
#include <functional>
#include <memory>

namespace idetcd::app {

// Throws Exit if the settings can not be used; does not wait for etcd.
std::shared_ptr<Etcd> connect_etcd(const Settings& settings, const LogSink& log);

// `on_position` is called as ClaimOptions::on_position, after it was logged.
ClaimOptions claim_options(const PoolSettings& pool, const LogSink& log,
                           std::function<void(std::size_t)> on_position = {});

// What this node publishes in `pool`: its addresses and `port`. Throws Exit if it has none.
Record own_record(const Settings& settings, const PoolSettings& pool, std::uint16_t port);

// What to say when a claim failed, and the status to end with. `position`: the last
// one in the queue; 0 if there was none.
Exit claim_failure(const PoolSettings& pool, const Error& error, std::size_t position);

}  // namespace idetcd::app
