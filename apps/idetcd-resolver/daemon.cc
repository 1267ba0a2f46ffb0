#include "daemon.h"

#include <fmt/format.h>
#include <idetcd/version.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <initializer_list>
#include <span>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "checked_pools.h"
#include "common/configuration/load_settings.h"
#include "common/system/child_process.h"
#include "common/system/log.h"
#include "common/system/privileges.h"
#include "common/system/resource_check.h"
#include "common/system/service_notify.h"

namespace idetcd::resolver {
using namespace std::chrono_literals;

Daemon::Daemon(Config config)
    : config_(std::move(config)),
      patterns_(check_pools(config_.settings)),
      dns_(std::make_shared<DnsService>(config_.settings, patterns_)) {
  check_reverse_zones(config_.settings);
  // Before anything is claimed: a node that cannot serve must not take a name. And as root, where
  // it is: a socket's receive buffer may then be larger than the system's limit.
  dns_->open(config_.dev && config_.settings.listen.empty());
  lower_privileges();
}

// Pool callbacks read every pool, so stop all of them first.
Daemon::~Daemon() {
  web_.reset();
  waits_.clear();
  for (const auto& pool : pools_) pool->stop();
}

int Daemon::run() {
  shutdown_.emplace(std::initializer_list<int>{SIGINT, SIGTERM},
                    std::initializer_list<int>{SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE});
  shutdown_->end_within(60s + config_.settings.lameduck);
  log_ = app::open_log(config_.settings.log_level, config_.settings.log_format);
  shutdown_->note_to([this](int number) { note_signal(number); });
  log_(LogLevel::kInfo, "idetcd-resolver " IDETCD_VERSION);
  for (const std::string& warning : app::unknown_variables(app::current_environment()))
    log_(LogLevel::kWarning, warning);
  for (const std::string& warning : config_.settings.warnings) log_(LogLevel::kWarning, warning);
  try {
    return serve();
  } catch (const app::Exit& exit) {
    return report(exit);
  }
}

int Daemon::serve() {
  make_pools();
  start_etcd();
  limit_waits();
  serve_dns();
  serve_metrics();
  follow_records();
  if (!shutdown_->token().stop_requested()) claim_names();

  std::optional<int> status;
  while (!(status = shutdown_->wait_for(1s))) {
    if (should_reload()) reload();
    if (addresses_.changed()) publish_addresses();
    dns_->note_freshness(stats().pools);
    for (const auto& pool : pools_) pool->note_malformed();
    if (dns_before_ && std::chrono::steady_clock::now() - reloaded_ > 1s && dns_before_->drained()) dns_before_.reset();
  }
  leave();
  return *status;
}

// In the format of the log; as text in the words of all programs.
int Daemon::report(const app::Exit& exit) const {
  if (config_.settings.log_format == app::LogFormat::kText) return app::report_exit("idetcd-resolver", exit);
  log_(LogLevel::kError, exit.what());
  return exit.status();
}

// A signal that ended the daemon would leave its name behind until the lease ends.
void Daemon::note_signal(int number) {
  if (number == SIGHUP || number == SIGUSR1) {
    asked_to_reload_ = true;
    return log_(LogLevel::kInfo, fmt::format("received SIG{}: reloading the configuration", sigabbrev_np(number)));
  }
  log_(LogLevel::kWarning, fmt::format("received SIG{}, which has no effect", sigabbrev_np(number)));
}

// Every file is checked, also those that were read as root: what starts can be started again.
void Daemon::lower_privileges() {
  const app::Settings& settings = config_.settings;
  if (auto lowered = app::lower_privileges(settings.run_as); !lowered) {
    if (lowered.error().code == ErrorCode::kUnavailable) throw app::Exit(app::kExitOs, lowered.error().message);
    app::refuse(settings.origin("run-as"), lowered.error().message);
  }
  const auto check = [](const app::Origin& origin, const Status& reachable) {
    if (!reachable) app::refuse(origin, reachable.error().message);
  };
  const auto check_file = [&](std::string_view setting, const std::string& file) {
    if (std::error_code ignored;
        std::filesystem::is_regular_file(file, ignored) || ignored == std::errc::permission_denied)
      check(settings.origin(setting), app::check_readable(file));
  };
  check_file("cacert", settings.tls.ca_file);
  check_file("cert", settings.tls.cert_file);
  check_file("key", settings.tls.key_file);
  if (settings.run_as.empty()) return;
  check_file("conf", settings.corefile);
  check_file("password-file", settings.password_file);
}

std::shared_ptr<Pool> Daemon::make_pool(const app::Settings& settings, std::size_t index,
                                        const PatternTemplate& pattern) const {
  return std::make_shared<Pool>(settings.pools[index], pattern, settings.pools.size() > 1, log_);
}

void Daemon::make_pools() {
  for (std::size_t i = 0; i < patterns_.size(); ++i) pools_.push_back(make_pool(config_.settings, i, patterns_[i]));
}

void Daemon::start_etcd() {
  check_threads();
  if (config_.dev) {
    auto dev = app::DevEtcd::start(log_);
    if (!dev) throw app::Exit(dev.error());
    dev_etcd_ = std::move(*dev);
    config_.settings.endpoints = {dev_etcd_->endpoint()};
    log_(LogLevel::kInfo, fmt::format("private etcd at {} in {}", dev_etcd_->endpoint(), dev_etcd_->folder().string()));
  }
  etcd_ = app::connect_etcd(config_.settings, log_);
}

// One for each UDP worker, TCP, HTTP address, server block that forwards, the log of queries and max-wait; three for
// each pool: its records, its claim, its keeper.
void Daemon::check_threads() const {
  const app::Settings& settings = config_.settings;
  const unsigned workers = settings.workers != 0 ? settings.workers : std::thread::hardware_concurrency();
  const auto waits = std::ranges::count_if(settings.pools, [](const auto& pool) { return pool.max_wait.count() > 0; });
  const bool logs = std::ranges::any_of(settings.servers, [](const auto& server) { return !server.log.empty(); });
  const auto forwards =
      std::ranges::count_if(settings.servers, [](const auto& server) { return !server.forward.empty(); });
  const auto http = std::max<std::size_t>(1, (logs ? 1 : 0) + settings.http.size() + (settings.metrics ? 1 : 0));
  app::check_resources(app::kOwnThreads + static_cast<unsigned>(dns_->fronts()) * (workers + 1) +
                       static_cast<unsigned>(http) + 3 * static_cast<unsigned>(settings.pools.size()) +
                       static_cast<unsigned>(waits + forwards));
}

void Daemon::limit_waits() {
  for (const auto& each : pools_) {
    const app::PoolSettings& settings = each->settings();
    if (!settings.claim || settings.max_wait.count() == 0 || each->ever_claimed()) continue;
    waits_.push_back(std::make_unique<app::WaitLimit>(settings.max_wait, [this, pool = each.get()] {
      if (const auto exit = pool->wait_over()) shutdown_->request(report(*exit));
    }));
  }
}

void Daemon::serve_dns() {
  const app::Settings& settings = config_.settings;
  for (const app::PoolSettings& pool : settings.pools) published_.push_back(app::own_record(settings, pool, 0));
  dns_->prepare(published_, log_);
  dns_->serve(log_);
  for (std::size_t pool = 0; pool < published_.size(); ++pool) published_[pool].record.port = dns_->port_of(pool);
}

void Daemon::follow_records() {
  for (std::size_t index = 0; index < pools_.size(); ++index) {
    if (!pools_[index]->follow(etcd_, dns_->target(index), shutdown_->token())) return;
  }
  dns_->note_listed();  // run() updates it
}

void Daemon::claim_names() {
  for (std::size_t index = 0; index < pools_.size(); ++index) {
    if (pools_[index]->settings().claim) claim(index);
  }
  if (std::ranges::none_of(config_.settings.pools, &app::PoolSettings::claim)) notify_service();
}

void Daemon::claim(std::size_t index) {
  const auto on_ended = [this](const app::Exit& exit) { shutdown_->request(report(exit)); };
  pools_[index]->claim(etcd_, published_[index],
                       {.on_claim_changed = [this] { notify_service(); }, .on_ended = on_ended});
}

void Daemon::serve_metrics() {
  web_ = std::make_unique<WebServers>(config_.settings,
                                      WebSources{[this] { return stats(); }, config_.settings.max_stale});
  for (const std::string& line : web_->lines()) log_(LogLevel::kInfo, line);
}

std::vector<std::shared_ptr<Pool>> Daemon::pools() const {
  const std::lock_guard lock(mutex_);
  return pools_;
}

Stats Daemon::stats() const {
  std::shared_ptr<DnsService> dns;
  std::vector<std::shared_ptr<Pool>> all;
  {
    const std::lock_guard lock(mutex_);
    dns = dns_;
    all = pools_;
  }
  Stats stats{.dns = dns->totals(), .zone = dns->zone_totals(), .forward = dns->forward_totals()};
  for (const auto& pool : all) stats.pools.push_back(pool->stats());
  return stats;
}

// Names are released first, so that clients are no longer sent here.
void Daemon::leave() {
  waits_.clear();
  app::notify_service("STOPPING=1");
  {
    std::vector<std::jthread> leaving;  // each may wait for its own timeout
    leaving.reserve(pools_.size());
    for (const auto& pool : pools_) {
      try {
        leaving.emplace_back([&pool] { pool->leave(); });
      } catch (const std::system_error&) {  // there is no thread left
        pool->leave();
      }
    }
  }
  if (config_.settings.lameduck.count() > 0) {
    log_(LogLevel::kInfo, fmt::format("serving on for {} ms (lameduck)", config_.settings.lameduck.count()));
    std::this_thread::sleep_for(config_.settings.lameduck);
  }
  dns_before_.reset();
  dns_->stop();
}

// READY=1 once every wanted name is claimed.
void Daemon::notify_service() {
  const std::lock_guard lock(notifying_);
  std::vector<std::string> names;
  std::vector<std::string> missing;
  for (const auto& pool : pools()) {
    if (!pool->settings().claim) continue;
    if (std::string name = pool->claimed_name(); !name.empty()) {
      names.push_back(std::move(name));
      continue;
    }
    const std::size_t position = pool->position();
    missing.push_back(fmt::format("no name of {}{}", pool->pattern().canonical(),
                                  position == 0 ? "" : fmt::format(" yet, at position {} of its queue", position)));
  }
  const std::string serving =
      names.empty() ? "serving, without a name of its own" : fmt::format("serving as {}", fmt::join(names, ", "));
  app::notify_service(missing.empty() ? fmt::format("READY=1\nSTATUS={}", serving)
                                      : fmt::format("STATUS={}; {}", serving, fmt::join(missing, "; ")));
}

}  // namespace idetcd::resolver
