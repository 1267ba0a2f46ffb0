// Daemon: the resolver's parts, put together.
#pragma once

#include <idetcd/etcd.h>
#include <idetcd/record_store.h>
#include <idetcd/registration.h>

#include <atomic>
#include <memory>
#include <string_view>

#include "common/dev_etcd.h"
#include "common/exit_status.h"
#include "common/shutdown.h"
#include "config.h"
#include "dns_server.h"
#include "http.h"
#include "stats.h"
#include "zone_publisher.h"

namespace idetcd::resolver {

// For one thread. What a person wants to know goes to stdout, the log to stderr.
class Daemon {
 public:
  // `shutdown` must outlive it. Throws app::Exit if the configuration is wrong.
  Daemon(Config config, app::Shutdown& shutdown);

  // Serves until the shutdown; returns the exit status. The name is given back before
  // it returns. Throws app::Exit if it can not start.
  int run();

 private:
  void start_etcd();
  void bind_sockets();
  void follow_records();
  void register_node();
  void leave();

  void serve_metrics();

  ZoneOptions zone_options() const;
  Stats stats() const;
  HttpReply http_reply(std::string_view path) const;
  void note_freshness();
  void note_malformed();
  void on_claimed(const Ownership& ownership);
  void on_lost(std::string_view reason);
  void on_ended(const Error& error);

  Config config_;
  app::Shutdown& shutdown_;
  const LogSink log_;

  // In the order in which they are made; destroyed the other way round.
  const PatternTemplate pattern_;
  Record own_record_;
  std::unique_ptr<app::DevEtcd> dev_etcd_;
  std::shared_ptr<Etcd> etcd_;
  std::unique_ptr<ZonePublisher> publisher_;
  std::unique_ptr<DnsServer> server_;
  std::unique_ptr<RecordStore> store_;
  std::unique_ptr<Registration> registration_;
  std::unique_ptr<HttpServer> http_;  // its thread reads what stands above
  std::size_t malformed_ = 0;         // as last said

  // For the HTTP thread: what is there already, and what the registration said.
  std::atomic<const RecordStore*> store_there_{nullptr};
  std::atomic<const Registration*> registration_there_{nullptr};
  std::atomic<SlotId> slot_{0};
  std::atomic<std::uint64_t> claims_{0};
  std::atomic<std::uint64_t> losses_{0};
};

}  // namespace idetcd::resolver
