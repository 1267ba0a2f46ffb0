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

ClaimOptions claim_options(const Settings& settings, const LogSink& log) {
  ClaimOptions options;
  options.path = settings.path;
  options.ttl = settings.ttl;
  options.on_full = settings.on_full;
  options.node_id = settings.node_id;
  options.sticky = settings.sticky;
  options.state_dir = settings.state_dir;
  options.log = log;
  if (settings.on_full == OnFull::kWait) {
    options.on_position = [log](std::size_t position) {
      log(LogLevel::kInfo, fmt::format("every name is taken; waiting for one at place {}", position));
    };
  }
  return options;
}

Record own_record(const Settings& settings, std::uint16_t port) {
  auto addresses = choose_addresses_here(settings);
  if (!addresses) throw Exit(addresses.error());
  Record record;
  record.ipv4 = std::move(addresses->ipv4);
  record.ipv6 = std::move(addresses->ipv6);
  record.port = port;
  if (auto valid = validate(record); !valid) refuse(settings.origin("advertise"), valid.error().message);
  return record;
}

Exit claim_failure(const Settings& settings, const Error& error) {
  if (error.code == ErrorCode::kFull) {
    return {kExitTryLater, fmt::format("Could not have more than {} nodes in your cluster", settings.limit)};
  }
  return Exit(error);
}

}  // namespace idetcd::app
