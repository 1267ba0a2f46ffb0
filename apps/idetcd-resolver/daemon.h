// Daemon: the resolver's parts, put together.
#pragma once

#include <idetcd/etcd.h>
#include <idetcd/record_store.h>
#include <idetcd/registration.h>

#include <memory>

#include "common/dev_etcd.h"
#include "common/exit_status.h"
#include "common/shutdown.h"
#include "config.h"
#include "dns_server.h"
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

  ZoneOptions zone_options() const;
  void note_freshness();
  void note_malformed();
  void on_claimed(const Ownership& ownership);
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
  std::size_t malformed_ = 0;  // as last said
};

}  // namespace idetcd::resolver
