#include "daemon.h"

#include <fmt/format.h>
#include <idetcd/version.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <span>
#include <string>
#include <utility>

#include "common/connection.h"
#include "common/log.h"
#include "common/service_notify.h"

namespace idetcd::resolver {
namespace {

using namespace std::chrono_literals;

template <class... Arguments>
void say(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  fmt::print(format, std::forward<Arguments>(arguments)...);
  std::fflush(stdout);
}

std::vector<app::HostPort> listen_addresses(const Config& config) {
  if (!config.settings.listen.empty()) return config.settings.listen;
  if (config.dev) return {{std::string("127.0.0.1"), 1053}};
  return {{std::string{}, config.settings.port}};
}

NetworkList networks_of(const app::Settings& settings, std::string_view setting,
                        const std::vector<std::string>& texts) {
  auto networks = NetworkList::parse(texts);
  if (!networks) app::refuse(settings.origin(setting), networks.error().message);
  return std::move(*networks);
}

AnswerPolicy answer_policy(const app::Settings& settings) {
  AnswerPolicy policy;
  policy.nsid = settings.nsid;
  policy.version = "idetcd-resolver " IDETCD_VERSION;
  policy.allow = networks_of(settings, "allow", settings.allow);
  policy.deny = networks_of(settings, "deny", settings.deny);
  return policy;
}

Result<std::unique_ptr<DnsServer>> start_server(const app::Settings& settings, std::span<const app::HostPort> addresses,
                                                const Snapshot<Zone>& zones) {
  DnsServerOptions options;
  for (const app::HostPort& address : addresses) {
    auto parsed =
        parse_listen_address(address.host.empty() ? fmt::format(":{}", address.port) : app::to_string(address));
    if (!parsed) return parsed.error();
    options.listen.push_back(*parsed);
  }
  options.workers = settings.workers;
  options.policy = answer_policy(settings);
  return DnsServer::start(std::move(options), zones);
}

}  // namespace

Daemon::Daemon(Config config, app::Shutdown& shutdown)
    : config_(std::move(config)),
      shutdown_(shutdown),
      log_(app::open_log(config_.settings.log_level)),
      pattern_(app::parse_pattern(config_.settings)) {
  for (const std::string& warning : pattern_.warnings()) log_(LogLevel::kWarning, warning);
}

int Daemon::run() {
  say("idetcd-resolver {}\n", IDETCD_VERSION);
  start_etcd();
  bind_sockets();
  serve_metrics();
  follow_records();
  if (!shutdown_.token().stop_requested() && config_.claim) register_node();
  if (!config_.claim) app::notify_service("READY=1\nSTATUS=serving, without a name of its own");

  std::optional<int> status;
  while (!(status = shutdown_.wait_for(1s))) {
    note_freshness();
    note_malformed();
  }
  leave();
  return *status;
}

void Daemon::start_etcd() {
  if (config_.dev) {
    auto dev = app::DevEtcd::start(log_);
    if (!dev) throw app::Exit(dev.error());
    dev_etcd_ = std::move(*dev);
    config_.settings.endpoints = {dev_etcd_->endpoint()};
    say("private etcd at {} in {}\n", dev_etcd_->endpoint(), dev_etcd_->folder().string());
  }
  etcd_ = app::connect_etcd(config_.settings, log_);
}

// Before anything is claimed: a node that can not serve must not take a name.
void Daemon::bind_sockets() {
  own_record_ = app::own_record(config_.settings, 0);
  auto publisher = ZonePublisher::create(zone_options());
  if (!publisher) throw app::Exit(app::kExitConfig, publisher.error().message);
  publisher_ = std::move(*publisher);
  publisher_->set_freshness(Freshness::kExpired);  // until the records were read once

  auto addresses = listen_addresses(config_);
  auto server = start_server(config_.settings, addresses, publisher_->zones());
  const bool may_move = config_.dev && config_.settings.listen.empty();
  if (!server && may_move) {
    addresses.front().port = 0;
    server = start_server(config_.settings, addresses, publisher_->zones());
  }
  if (!server) throw app::Exit(app::kExitOs, server.error().message);
  server_ = std::move(*server);
  own_record_.port = server_->port();
  say("serving {} on {} (UDP and TCP)\n", pattern_.zone(), fmt::join(server_->addresses(), ", "));
}

ZoneOptions Daemon::zone_options() const {
  const app::Settings& settings = config_.settings;
  ZoneOptions options;
  options.pools.push_back({.pattern = pattern_, .pool_name = settings.pool_name});
  options.reverse_zones = settings.reverse;
  options.ttl = std::min(settings.dns_ttl.value_or(5s), settings.ttl);
  options.nameserver_ipv4 = own_record_.ipv4;
  options.nameserver_ipv6 = own_record_.ipv6;
  return options;
}

void Daemon::follow_records() {
  RecordStoreOptions options{.pattern = pattern_, .path = config_.settings.path, .log = log_};
  options.on_change = [this](const RecordSet& set, std::span<const SlotId> changed) {
    publisher_->apply(0, set, changed);
  };
  auto store = RecordStore::open(etcd_, std::move(options), shutdown_.token());
  if (!store) {
    if (store.error().code == ErrorCode::kCancelled) return;
    throw app::Exit(store.error());
  }
  store_ = std::move(*store);
  store_there_ = store_.get();
  publisher_->set_freshness(Freshness::kLive);  // just listed; whether it stays so is seen later
  note_malformed();
}

void Daemon::register_node() {
  RegistrationOptions options;
  options.claim = app::claim_options(config_.settings, log_);
  options.on_lost_do = config_.settings.on_lost == app::OnLostPolicy::kReclaim ? OnLost::kReclaim : OnLost::kStop;
  options.on_claimed = [this](const Ownership& ownership) { on_claimed(ownership); };
  options.on_lost = [this](std::string_view reason) {
    log_(LogLevel::kWarning, fmt::format("the name is lost: {}", reason));
  };
  options.on_ended = [this](const Error& error) { on_ended(error); };
  registration_ = std::make_unique<Registration>(etcd_, pattern_, std::move(options), own_record_);
  registration_there_ = registration_.get();
}

void Daemon::serve_metrics() {
  const auto& address = config_.settings.metrics;
  if (!address) return;
  auto http = HttpServer::start(*address, [this](std::string_view path) { return http_reply(path); });
  if (!http) throw app::Exit(app::kExitOs, http.error().message);
  http_ = std::move(*http);
  say("metrics on {}\n", app::to_string(app::HostPort{address->host, http_->port()}));
}

HttpReply Daemon::http_reply(std::string_view path) const {
  if (path == "/metrics") return {200, to_prometheus(stats())};
  if (path == "/health") return {200, "OK\n"};
  if (path == "/ready") return is_ready(stats()) ? HttpReply{200, "READY\n"} : HttpReply{503, "NOT READY\n"};
  return {404, "there are /metrics, /ready and /health\n"};
}

Stats Daemon::stats() const {
  Stats stats{.dns = server_->totals(), .zone = publisher_->totals(), .claims = config_.claim};
  if (const RecordStore* store = store_there_) {
    const auto records = store->snapshot();
    const Staleness staleness = store->staleness();
    stats.malformed_records = records->malformed();
    stats.etcd_revision = records->revision();
    stats.etcd_live = staleness.live;
    stats.etcd_behind_seconds = std::chrono::duration<double>(staleness.behind).count();
  }
  if (const Registration* registration = registration_there_) stats.claim_held = registration->held();
  stats.claim_slot = slot_;
  stats.claims_total = claims_;
  stats.claim_losses_total = losses_;
  return stats;
}

// The name first: whoever asks should not be sent here any more.
void Daemon::leave() {
  app::notify_service("STOPPING=1");
  if (registration_) {
    if (auto released = registration_->release(); !released) {
      log_(LogLevel::kWarning, fmt::format("the name could not be given back and stays until its lease ends: {}",
                                           released.error().message));
    }
  }
  if (server_) server_->stop();
}

void Daemon::note_freshness() {
  if (!store_) return;
  const Staleness staleness = store_->staleness();
  const auto& most = config_.settings.max_stale;
  if (staleness.live) return publisher_->set_freshness(Freshness::kLive);
  publisher_->set_freshness(most && staleness.behind > *most ? Freshness::kExpired : Freshness::kStale);
}

void Daemon::note_malformed() {
  if (!store_) return;
  const std::size_t now = store_->snapshot()->malformed();
  if (std::exchange(malformed_, now) == now) return;
  if (now == 0) return log_(LogLevel::kInfo, "all records in etcd can be read again");
  log_(LogLevel::kWarning, fmt::format("{} {} of the pool can not be read and {} left out; `idetcd ls` shows which",
                                       now, now == 1 ? "record" : "records", now == 1 ? "is" : "are"));
}

void Daemon::on_claimed(const Ownership& ownership) {
  slot_ = ownership.slot;
  ++claims_;
  say("claimed {} (slot {} of {}, lease {:x}, ttl {}s)\n", ownership.name, ownership.slot, pattern_.limit(),
      static_cast<std::uint64_t>(ownership.lease), ownership.ttl.count());
  app::notify_service(fmt::format("READY=1\nSTATUS=serving as {}", ownership.name));
}

void Daemon::on_lost(std::string_view reason) {
  ++losses_;
  log_(LogLevel::kWarning, fmt::format("the name is lost: {}", reason));
  app::notify_service("STATUS=serving; the name is lost");
}

void Daemon::on_ended(const Error& error) {
  if (error.code == ErrorCode::kLost && config_.settings.on_lost == app::OnLostPolicy::kServeOnly) {
    log_(LogLevel::kWarning, "serving on without a name (--on-lost serve-only)");
    return;
  }
  shutdown_.request(app::report_exit("idetcd-resolver", app::claim_failure(config_.settings, error)));
}

}  // namespace idetcd::resolver
