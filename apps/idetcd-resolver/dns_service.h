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
//
// To change it while it serves, make another one, and go through the steps with `before`: it
// takes over the sockets that both have, and answers from them without a gap. `before` must live
// for a second more, and until it is drained().
class DnsService {
 public:
  // `patterns`: of the pools of `settings`.
  DnsService(app::Settings settings, std::vector<PatternTemplate> patterns);
  ~DnsService();

  // Binds every socket. Throws app::Exit.
  void open(bool may_change_ports, const DnsService* before = nullptr);
  // Sets of addresses; each has a thread for TCP, and one for each UDP worker.
  std::size_t fronts() const noexcept { return fronts_.size(); }

  // Makes the zones, without records. `published`: what this node publishes in each pool. Throws app::Exit.
  void prepare(const std::vector<app::Publication>& published, const LogSink& log, const DnsService* before = nullptr);

  // Serves over the sockets. Throws app::Exit; `before` is as it was then.
  void serve(const LogSink& log, DnsService* before = nullptr);

  // Whether nothing waits for an upstream any more.
  bool drained() const;

  // The port at which pool `pool` is served.
  std::uint16_t port_of(std::size_t pool) const { return fronts_.port_of(settings_.pools[pool].server); }

  // Takes the records of pool `pool`; after prepare(). Any thread may call it, while the service lives.
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
  std::shared_ptr<Forwarder> forwarder_of(std::size_t server, const LogSink& log, const DnsService* before);
  void log_queries(const LogSink& log);
  void log_serving(const LogSink& log) const;
  std::vector<std::string> zones_at(std::size_t front) const;

  const app::Settings settings_;
  const std::vector<PatternTemplate> patterns_;
  std::vector<std::shared_ptr<ZonePublisher>> publishers_;  // in the order of the server blocks, as is `blocks_`
  std::vector<AnswerBlock> blocks_;
  std::vector<std::shared_ptr<Forwarder>>
      forwarders_;    // of the server blocks; null: none; those that are handed on, too
  DnsFronts fronts_;  // its threads read publishers_
  std::unique_ptr<QueryLog> query_log_;
};

}  // namespace idetcd::resolver
