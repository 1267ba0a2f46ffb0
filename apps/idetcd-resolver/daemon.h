// Daemon: the resolver's parts, put together.
#pragma once

#include <idetcd/etcd.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "answer/answerer.h"
#include "common/connection.h"
#include "common/dev_etcd.h"
#include "common/exit_status.h"
#include "common/shutdown.h"
#include "common/wait_limit.h"
#include "config.h"
#include "encode/zone_publisher.h"
#include "http.h"
#include "pool.h"
#include "server/dns_server.h"
#include "stats.h"

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
  void open_sockets();
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

  ZoneOptions zone_options() const;
  Stats stats() const;
  HttpReply http_reply(std::string_view path) const;
  void notify_service();

  Config config_;
  const std::vector<PatternTemplate> patterns_;  // in the order of the pools
  std::vector<app::ListenAddress> listen_;
  std::vector<Listener> sockets_;          // until they are served
  LogSink log_;                            // there from the start of run(), as all below
  std::optional<app::Shutdown> shutdown_;  // its thread logs
  std::mutex notifying_;                   // so that the service manager gets the newest state last

  // In the order of construction.
  std::unique_ptr<app::DevEtcd> dev_etcd_;
  std::shared_ptr<Etcd> etcd_;
  std::vector<app::Publication> published_;  // in the order of the pools
  std::unique_ptr<ZonePublisher> publisher_;
  std::unique_ptr<Answerer> answerer_;
  std::unique_ptr<DnsServer> server_;
  std::vector<std::unique_ptr<Pool>> pools_;            // in the order of the settings
  std::unique_ptr<HttpServer> http_;                    // its thread reads all of the above
  std::vector<std::unique_ptr<app::WaitLimit>> waits_;  // their threads read pools_
};

}  // namespace idetcd::resolver
