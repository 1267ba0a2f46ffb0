#include "common/settings/connection.h"

#include <fmt/format.h>

#include "common/system/resource_check.h"

namespace idetcd::app {
namespace {

std::string describe(const MyAddresses& addresses) {
  std::string text;
  const auto add = [&text](const std::string& address) { text += (text.empty() ? "" : ", ") + address; };
  for (const Ipv4& v4 : addresses.ipv4) add(idetcd::to_string(v4));
  for (const Ipv6& v6 : addresses.ipv6) add(idetcd::to_string(v6));
  return fmt::format("{} ({}{}{})", text, addresses.interface, addresses.interface.empty() ? "" : ", ",
                     idetcd::to_string(addresses.source));
}

std::string doubt_about(const MyAddresses& addresses) {
  switch (addresses.source) {
    case AddressSource::kAdvertise:
    case AddressSource::kFilter:
    case AddressSource::kEtcdRoute:
    case AddressSource::kDefaultRoute: return {};
    case AddressSource::kInterface:
    case AddressSource::kBridge:
      return fmt::format(
          "publishing {} is a guess: there is no route to etcd or to the outside; set advertise, interface or cidr",
          describe(addresses));
    case AddressSource::kLoopback:
      return fmt::format("publishing {}: no other machine reaches it; set advertise, interface or cidr",
                         describe(addresses));
  }
  return {};
}

}  // namespace

EtcdOptions etcd_options(const Settings& settings, const LogSink& log) {
  EtcdOptions options;
  options.endpoints = settings.endpoints;
  options.tls = settings.tls;
  options.user = settings.user;
  options.password = settings.password;
  options.log = log;
  return options;
}

std::shared_ptr<Etcd> connect_etcd(const Settings& settings, const LogSink& log) {
  check_resources();
  auto etcd = connect(etcd_options(settings, log));
  if (etcd) return std::move(*etcd);
  const Error& error = etcd.error();
  if (!error.option.empty()) refuse(settings.origin(error.option), error.message);
  const bool in_file = settings.origin("endpoints").in_file && error.code == ErrorCode::kInvalidArgument;
  throw Exit(in_file ? kExitConfig : exit_status_of(error.code), error.message);
}

MyAddressOptions address_options(const Settings& settings, const PoolSettings& pool) {
  return {.advertise = pool.advertise, .interface = pool.interface, .cidr = pool.cidr, .endpoints = settings.endpoints};
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
    // Told again when half of those before us have gone: every release moves everybody by one.
    options.on_position = [log, next = std::move(on_position), told = std::size_t{0}](std::size_t position) mutable {
      if (told == 0 || position > told || position <= told / 2) {
        log(LogLevel::kInfo, fmt::format("every name is taken; waiting for one at position {} of the queue", position));
        told = position;
      }
      if (next) next(position);
    };
  }
  return options;
}

Publication own_record(const Settings& settings, const PoolSettings& pool, std::uint16_t port) {
  auto addresses = my_addresses(address_options(settings, pool));
  if (!addresses) refuse(pool.origin(addresses.error().option), addresses.error().message);
  Publication publication{{}, describe(*addresses), doubt_about(*addresses)};
  Record& record = publication.record;
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
  return publication;
}

Exit claim_failure(const PoolSettings& pool, const Error& error, std::size_t position) {
  if (error.code == ErrorCode::kFull && pool.on_full == OnFull::kWait) {
    return {kExitTryLater, fmt::format("no name became free in {} s; this node was at position {} of the queue; "
                                       "raise limit ({}) or max-wait",
                                       pool.max_wait.count(), position, pool.limit)};
  }
  if (error.code == ErrorCode::kFull) {
    return {kExitTryLater,
            fmt::format("Could not have more than {} nodes in your cluster: {}", pool.limit, error.message)};
  }
  return Exit(error);
}

Exit wait_failure(const PoolSettings& pool, std::size_t position) {
  if (position != 0) return claim_failure(pool, {ErrorCode::kFull, {}}, position);
  return {kExitUnavailable, fmt::format("{}: no name in {} s, because etcd does not answer; check endpoints, or raise "
                                        "max-wait",
                                        pool.origin("max-wait").place, pool.max_wait.count())};
}

}  // namespace idetcd::app
