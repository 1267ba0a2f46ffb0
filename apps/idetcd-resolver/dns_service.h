// DnsService: the server blocks, served: their zones, their sockets and the log of their queries.
#pragma once

#include <idetcd/log.h>
#include <idetcd/pattern_template.h>
#include <idetcd/record_store.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "answer/answerer.h"
#include "answer/forwarder.h"
#include "common/settings/connection.h"
#include "common/settings/settings.h"
#include "dns_fronts.h"
#include "encode/zone_publisher.h"
#include "query_log.h"
#include "stats.h"

namespace idetcd::resolver {

// For one thread, but for what target() returns and the totals.
class DnsService {
 public:
  // `settings` must outlive it; `patterns` are those of its pools.
  DnsService(const app::Settings& settings, std::vector<PatternTemplate> patterns);
  ~DnsService();

  // Binds every socket. Throws app::Exit.
  void open(bool may_change_ports);
  // Sets of addresses; each has a thread for TCP, and one for each UDP worker.
  std::size_t fronts() const noexcept { return fronts_.size(); }

  // Serves over the sockets. `published`: what this node publishes in each pool. Throws app::Exit.
  void serve(const std::vector<app::Publication>& published, const LogSink& log);

  // The port at which pool `pool` is served.
  std::uint16_t port_of(std::size_t pool) const { return fronts_.port_of(settings_.pools[pool].server); }

  // Takes the records of pool `pool`. Any thread may call it, while the service lives.
  std::function<void(const RecordSet&, std::span<const SlotId>)> target(std::size_t pool);

  // All records have just been listed.
  void note_listed();
  // `pools`: in their order.
  void note_freshness(std::span<const PoolStats> pools);

  DnsServerTotals totals() const { return fronts_.totals(); }
  std::optional<ForwardTotals> forward_totals() const;  // none: nothing is forwarded
  ZoneTotals zone_totals() const;

  // Closes the sockets.
  void stop();

 private:
  ZoneOptions zone_options(std::size_t server, const std::vector<app::Publication>& published) const;
  std::optional<std::size_t> own_pool(std::size_t server) const;
  bool has_pools(std::size_t server) const;
  std::shared_ptr<Forwarder> forwarder_of(std::size_t server, const LogSink& log);
  void log_queries(const std::vector<AnswerBlock>& blocks, const LogSink& log);
  void log_serving(const LogSink& log) const;
  std::vector<std::string> zones_at(std::size_t front) const;

  const app::Settings& settings_;
  const std::vector<PatternTemplate> patterns_;
  std::vector<std::unique_ptr<ZonePublisher>> publishers_;  // in the order of the server blocks
  std::vector<std::shared_ptr<Forwarder>> forwarders_;
  DnsFronts fronts_;  // its threads read publishers_
  std::unique_ptr<QueryLog> query_log_;
};

}  // namespace idetcd::resolver
