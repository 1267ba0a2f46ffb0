// Daemon: the resolver's parts, put together.
#pragma once

#include <idetcd/etcd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/settings/connection.h"
#include "common/system/address_watch.h"
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
  bool should_reload();
  void reload();
  void take_over(Config next);
  void keep_what_stays(app::Settings& next) const;
  void lower_privileges();
  std::shared_ptr<Pool> make_pool(const app::Settings& settings, std::size_t index,
                                  const PatternTemplate& pattern) const;
  std::shared_ptr<Pool> pool_like(const app::PoolSettings& settings) const;
  void follow_new(const std::vector<std::shared_ptr<Pool>>& pools, DnsService& dns);
  void publish_addresses();
  void replace_web(const app::Settings& next);
  void make_pools();
  void start_etcd();
  void limit_waits();
  void serve_dns();
  void check_threads() const;
  void serve_metrics();
  void follow_records();
  void claim_names();
  void claim(std::size_t index);
  void leave();

  Stats stats() const;
  std::vector<std::shared_ptr<Pool>> pools() const;
  void notify_service();

  Config config_;
  std::vector<PatternTemplate> patterns_;  // in the order of the pools
  std::shared_ptr<DnsService> dns_;
  std::shared_ptr<DnsService> dns_before_;  // of the last reload, until it is drained
  std::chrono::steady_clock::time_point reloaded_{};
  std::chrono::steady_clock::time_point looked_at_file_{};
  app::AddressWatch addresses_;
  std::atomic<bool> asked_to_reload_{false};
  std::string file_trouble_;               // of the Corefile, as last logged
  LogSink log_;                            // there from the start of run(), as all below
  std::optional<app::Shutdown> shutdown_;  // its thread logs
  std::mutex notifying_;                   // so that the service manager gets the newest state last

  // In the order of construction.
  std::unique_ptr<app::DevEtcd> dev_etcd_;
  std::shared_ptr<Etcd> etcd_;
  std::vector<app::Publication> published_;             // in the order of the pools
  mutable std::mutex mutex_;                            // for the threads of pools and of web_
  std::vector<std::shared_ptr<Pool>> pools_;            // in the order of the settings; changed, as dns_, with mutex_
  std::unique_ptr<WebServers> web_;                     // its threads read all of the above
  std::vector<std::unique_ptr<app::WaitLimit>> waits_;  // their threads read pools_
};

}  // namespace idetcd::resolver
