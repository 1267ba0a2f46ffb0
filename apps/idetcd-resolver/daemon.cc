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

#include "common/child_process.h"
#include "common/load_settings.h"
#include "common/log.h"
#include "common/privileges.h"
#include "common/resource_check.h"
#include "common/service_notify.h"
#include "encode/zone_layout.h"

namespace idetcd::resolver {
namespace {

using namespace std::chrono_literals;

std::vector<app::ListenAddress> listen_addresses(const Config& config) {
  if (!config.settings.listen.empty()) return config.settings.listen;
  if (config.dev) return {{Ipv4{127, 0, 0, 1}, 1053}};
  return {{std::nullopt, config.settings.port}};
}

AnswerPolicy answer_policy(const app::Settings& settings) {
  AnswerPolicy policy;
  policy.nsid = settings.nsid;
  policy.id = settings.nsid;  // the same question by an older way (RFC 4892 2)
  if (settings.server_version.empty())
    policy.version = "idetcd-resolver " IDETCD_VERSION;
  else if (settings.server_version != "none")
    policy.version = settings.server_version;
  policy.allow = app::NetworkList(settings.allow);
  policy.deny = app::NetworkList(settings.deny);
  return policy;
}

// The pool whose record gives the zones' name server its addresses: the first one claimed.
std::size_t own_pool(const std::vector<app::PoolSettings>& pools) {
  const auto claimed = std::ranges::find_if(pools, &app::PoolSettings::claim);
  return claimed == pools.end() ? 0 : static_cast<std::size_t>(claimed - pools.begin());
}

std::vector<PatternTemplate> parse_patterns(const std::vector<app::PoolSettings>& pools) {
  std::vector<PatternTemplate> patterns;
  patterns.reserve(pools.size());
  for (const app::PoolSettings& pool : pools) patterns.push_back(app::parse_pattern(pool));
  return patterns;
}

// Checked here and not in the encoder, which does not know where a pattern was set.
void check_apart(const std::vector<app::PoolSettings>& pools, std::span<const PatternTemplate> patterns) {
  for (std::size_t i = 0; i < pools.size(); ++i) {
    for (std::size_t other = 0; other < i; ++other) {
      const auto name = common_name(patterns[other], patterns[i]);
      if (!name) continue;
      app::refuse(pools[i].origin("pattern"),
                  fmt::format("{} is also a name of {} ({}); change one of the patterns", *name, pools[other].pattern,
                              pools[other].origin("pattern").place));
    }
  }
}

[[noreturn]] void refuse_zones(const app::Settings& settings, const Error& error) {
  if (!error.option.empty()) app::refuse(settings.origin(error.option), error.message);
  throw app::Exit(app::kExitConfig, error.message);
}

}  // namespace

Daemon::Daemon(Config config)
    : config_(std::move(config)),
      patterns_(parse_patterns(config_.settings.pools)),
      listen_(listen_addresses(config_)) {
  check_apart(config_.settings.pools, patterns_);
  open_sockets();
  lower_privileges();
}

// Pool callbacks read every pool, so stop all of them first.
Daemon::~Daemon() {
  http_.reset();
  waits_.clear();
  for (const auto& pool : pools_) pool->stop();
}

int Daemon::run() {
  shutdown_.emplace(std::initializer_list<int>{SIGINT, SIGTERM},
                    std::initializer_list<int>{SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE});
  shutdown_->end_within(60s);
  log_ = app::open_log(config_.settings.log_level, config_.settings.log_format);
  shutdown_->note_to([this](int number) { note_signal(number); });
  log_(LogLevel::kInfo, "idetcd-resolver " IDETCD_VERSION);
  for (const std::string& warning : app::unknown_variables(app::current_environment()))
    log_(LogLevel::kWarning, warning);
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
    publisher_->set_freshness(freshness_of(stats().pools, config_.settings.max_stale));
    for (const auto& pool : pools_) pool->note_malformed();
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
  const bool reload = number == SIGHUP || number == SIGUSR1;
  log_(LogLevel::kWarning,
       fmt::format("received SIG{}{}", sigabbrev_np(number),
                   reload ? ": the configuration cannot be reloaded while the daemon runs; restart it instead"
                          : ", which has no effect"));
}

// Before anything is claimed: a node that cannot serve must not take a name. And as root, where
// it is: a socket's receive buffer may then be larger than the system's limit.
void Daemon::open_sockets() {
  auto sockets = open_listeners(listen_, config_.settings.workers);
  const bool may_move = config_.dev && config_.settings.listen.empty();
  if (!sockets && may_move) {
    listen_.front().port = 0;
    sockets = open_listeners(listen_, config_.settings.workers);
  }
  if (!sockets) throw app::Exit(app::kExitOs, sockets.error().message);
  sockets_ = std::move(*sockets);
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

void Daemon::make_pools() {
  const std::vector<app::PoolSettings>& pools = config_.settings.pools;
  for (std::size_t i = 0; i < pools.size(); ++i)
    pools_.push_back(std::make_unique<Pool>(pools[i], patterns_[i], pools.size() > 1, log_));
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

// One for each UDP worker, TCP, metrics and max-wait; three for each pool: its records, its claim, its keeper.
void Daemon::check_threads() const {
  const app::Settings& settings = config_.settings;
  const unsigned workers = settings.workers != 0 ? settings.workers : std::thread::hardware_concurrency();
  const auto waits = std::ranges::count_if(settings.pools, [](const auto& pool) { return pool.max_wait.count() > 0; });
  app::check_resources(app::kOwnThreads + workers + 2 + 3 * static_cast<unsigned>(settings.pools.size()) +
                       static_cast<unsigned>(waits));
}

void Daemon::limit_waits() {
  for (const auto& each : pools_) {
    const app::PoolSettings& settings = each->settings();
    if (!settings.claim || settings.max_wait.count() == 0) continue;
    waits_.push_back(std::make_unique<app::WaitLimit>(settings.max_wait, [this, pool = each.get()] {
      if (const auto exit = pool->wait_over()) shutdown_->request(report(*exit));
    }));
  }
}

void Daemon::serve_dns() {
  const app::Settings& settings = config_.settings;
  for (const app::PoolSettings& pool : settings.pools) published_.push_back(app::own_record(settings, pool, 0));
  auto publisher = ZonePublisher::create(zone_options());
  if (!publisher) refuse_zones(settings, publisher.error());
  publisher_ = std::move(*publisher);
  publisher_->set_freshness(Freshness::kExpired);  // until the records have been read once

  answerer_ = std::make_unique<Answerer>(publisher_->zones(), answer_policy(settings));
  auto server = DnsServer::serve({}, std::move(sockets_), *answerer_);
  if (!server) throw app::Exit(app::kExitOs, server.error().message);
  server_ = std::move(*server);
  for (app::Publication& published : published_) published.record.port = server_->port();
  std::vector<std::string> zones;
  for (const auto& pool : pools_) {
    if (std::ranges::find(zones, pool->pattern().zone()) == zones.end()) zones.push_back(pool->pattern().zone());
  }
  log_(LogLevel::kInfo,
       fmt::format("serving {} on {} (UDP and TCP)", fmt::join(zones, ", "), fmt::join(server_->addresses(), ", ")));
}

ZoneOptions Daemon::zone_options() const {
  const app::Settings& settings = config_.settings;
  const std::size_t own = own_pool(settings.pools);
  ZoneOptions options;
  for (const auto& pool : pools_)
    options.pools.push_back({.pattern = pool->pattern(), .pool_name = pool->settings().pool_name});
  options.reverse_zones = settings.reverse;
  options.ttl = std::min(settings.dns_ttl.value_or(5s), settings.pools[own].ttl);
  const Record& record = published_[own].record;
  std::vector<IpAddress> advertised(record.ipv4.begin(), record.ipv4.end());
  advertised.insert(advertised.end(), record.ipv6.begin(), record.ipv6.end());
  for (const IpAddress& address : app::reachable_addresses(listen_, advertised)) {
    if (const auto* ipv4 = std::get_if<Ipv4>(&address))
      options.nameserver_ipv4.push_back(*ipv4);
    else
      options.nameserver_ipv6.push_back(std::get<Ipv6>(address));
  }
  return options;
}

void Daemon::follow_records() {
  for (std::size_t index = 0; index < pools_.size(); ++index) {
    const auto apply = [this, index](const RecordSet& set, std::span<const SlotId> changed) {
      publisher_->apply(index, set, changed);
    };
    if (!pools_[index]->follow(etcd_, apply, shutdown_->token())) return;
  }
  publisher_->set_freshness(Freshness::kLive);  // just listed; run() updates it
}

void Daemon::claim_names() {
  for (std::size_t index = 0; index < pools_.size(); ++index) {
    if (!pools_[index]->settings().claim) continue;
    const auto on_ended = [this](const app::Exit& exit) { shutdown_->request(report(exit)); };
    pools_[index]->claim(etcd_, published_[index],
                         {.on_claim_changed = [this] { notify_service(); }, .on_ended = on_ended});
  }
  if (std::ranges::none_of(config_.settings.pools, &app::PoolSettings::claim)) notify_service();
}

void Daemon::serve_metrics() {
  const auto& address = config_.settings.metrics;
  if (!address) return;
  auto http = HttpServer::start(*address, [this](std::string_view path) { return http_reply(path); });
  if (!http) throw app::Exit(app::kExitOs, http.error().message);
  http_ = std::move(*http);
  log_(LogLevel::kInfo, fmt::format("metrics on {}", app::to_string(app::ListenAddress{address->ip, http_->port()})));
}

HttpReply Daemon::http_reply(std::string_view path) const {
  if (path == "/metrics") return {200, to_prometheus(stats())};
  if (path == "/health") return {200, "OK\n"};
  if (path == "/ready") {
    Readiness readiness = readiness_of(stats().pools, config_.settings.max_stale);
    return {readiness.ready ? 200U : 503U, std::move(readiness.text)};
  }
  return {404, "not found; this server has /metrics, /ready and /health\n"};
}

Stats Daemon::stats() const {
  Stats stats{.dns = server_->totals(), .zone = publisher_->totals()};
  for (const auto& pool : pools_) stats.pools.push_back(pool->stats());
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
        leaving.emplace_back([&pool] { pool->release(); });
      } catch (const std::system_error&) {  // there is no thread left
        pool->release();
      }
    }
  }
  if (server_) server_->stop();
}

// READY=1 once every wanted name is claimed.
void Daemon::notify_service() {
  const std::lock_guard lock(notifying_);
  std::vector<std::string> names;
  std::vector<std::string> missing;
  for (const auto& pool : pools_) {
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
