// Daemon: the resolver's parts, put together.
#pragma once

#include <idetcd/etcd.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "common/settings/connection.h"
#include "common/system/dev_etcd.h"
#include "common/system/exit_status.h"
#include "common/system/shutdown.h"
#include "common/system/wait_limit.h"
#include "config.h"
#include "dns_service.h"
#include "pool.h"
#include "stats.h"
#include "web_servers.h"

namespace idetcd::resolver {

// For one thread. All it tells goes to its log, on stderr.
class Daemon {
 public:
  // Binds the DNS sockets and then gives up privileges, for good; so it must be made before any
  // thread is started. Throws app::Exit if the configuration is wrong, or a port is not to be had.
  explicit Daemon(Config config);
  ~Daemon();

  // Serves until the shutdown; returns the exit status. All names are given back
  // before it returns. If it cannot start, that is told and its status returned; but throws app::Exit
  // if it has no log to tell it.
  int run();

 private:
  int serve();
  int report(const app::Exit& exit) const;
  void note_signal(int number);
  void lower_privileges();
  void make_pools();
  void start_etcd();
  void limit_waits();
  void serve_dns();
  void check_threads() const;
  void serve_metrics();
  void follow_records();
  void claim_names();
  void leave();

  Stats stats() const;
  void notify_service();

  Config config_;
  const std::vector<PatternTemplate> patterns_;  // in the order of the pools
  DnsService dns_;                               // reads config_
  LogSink log_;                                  // there from the start of run(), as all below
  std::optional<app::Shutdown> shutdown_;        // its thread logs
  std::mutex notifying_;                         // so that the service manager gets the newest state last

  // In the order of construction.
  std::unique_ptr<app::DevEtcd> dev_etcd_;
  std::shared_ptr<Etcd> etcd_;
  std::vector<app::Publication> published_;             // in the order of the pools
  std::vector<std::unique_ptr<Pool>> pools_;            // in the order of the settings
  std::unique_ptr<WebServers> web_;                     // its threads read all of the above
  std::vector<std::unique_ptr<app::WaitLimit>> waits_;  // their threads read pools_
};

}  // namespace idetcd::resolver
