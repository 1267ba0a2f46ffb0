#include "connection.h"

#include <fmt/format.h>

namespace idetcd::app {

std::shared_ptr<Etcd> connect_etcd(const Settings& settings, const LogSink& log) {
  EtcdOptions options;
  options.endpoints = settings.endpoints;
  options.tls = settings.tls;
  options.user = settings.user;
  options.password = settings.password;
  options.log = log;
  auto etcd = connect(options);
  if (etcd) return std::move(*etcd);
  const bool in_file = settings.origin("endpoints").in_file && etcd.error().code == ErrorCode::kInvalidArgument;
  throw Exit(in_file ? kExitConfig : exit_status_of(etcd.error().code), etcd.error().message);
}

ClaimOptions claim_options(const PoolSettings& pool, const LogSink& log, std::function<void(std::size_t)> on_position) {
  ClaimOptions options;
  options.path = pool.path;
  options.ttl = pool.ttl;
  options.on_full = pool.on_full;
  options.node_id = pool.node_id;
  options.sticky = pool.sticky;
  options.state_dir = pool.state_dir;
  options.log = log;
  if (pool.on_full == OnFull::kWait) {
    options.longest_wait = pool.max_wait;
    options.on_position = [log, tell = std::move(on_position)](std::size_t position) {
      log(LogLevel::kInfo, fmt::format("every name is taken; waiting for one at place {}", position));
      if (tell) tell(position);
    };
  }
  return options;
}

Record own_record(const Settings& settings, const PoolSettings& pool, std::uint16_t port) {
  auto addresses = choose_addresses_here(pool, settings.endpoints);
  if (!addresses) throw Exit(addresses.error());
  Record record;
  record.ipv4 = std::move(addresses->ipv4);
  record.ipv6 = std::move(addresses->ipv6);
  record.port = port;
  const auto check = [&](std::string_view setting) {
    if (auto valid = validate(record); !valid) refuse(pool.origin(setting), valid.error().message);
  };
  check("advertise");
  record.ports = pool.srv;
  check("srv");
  record.meta = pool.meta;
  check("meta");
  return record;
}

Exit claim_failure(const PoolSettings& pool, const Error& error, std::size_t position) {
  if (error.code == ErrorCode::kFull && pool.on_full == OnFull::kWait) {
    return {kExitTryLater, fmt::format("no name came free in {} s, and this node was at place {} of the queue; raise "
                                       "the limit ({}) or max-wait",
                                       pool.max_wait.count(), position, pool.limit)};
  }
  if (error.code == ErrorCode::kFull) {
    return {kExitTryLater, fmt::format("Could not have more than {} nodes in your cluster", pool.limit)};
  }
  return Exit(error);
}

}  // namespace idetcd::app
