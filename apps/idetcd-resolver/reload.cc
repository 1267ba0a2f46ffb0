// Daemon, changing while it runs. Reloading: another configuration is put in the place of the running one, step by
// step. Until the new servers answer nothing has changed, so that a wrong file, or an address that cannot be bound,
// leaves everything as it was.
#include <fmt/format.h>

#include <algorithm>
#include <stop_token>
#include <utility>

#include "checked_pools.h"
#include "common/system/service_notify.h"
#include "daemon.h"

namespace idetcd::resolver {
using namespace std::chrono_literals;
namespace {

constexpr std::chrono::seconds kMaxListing{10};  // of a new pool's records

// What makes a pool another one, for which a name must be claimed anew. The rest is only published,
// or is about how its names are served.
bool same_pool(const app::PoolSettings& a, const app::PoolSettings& b) {
  return a.pattern == b.pattern && a.limit == b.limit && a.path == b.path && a.claim == b.claim && a.ttl == b.ttl &&
         a.on_full == b.on_full && a.on_lost == b.on_lost && a.sticky == b.sticky && a.node_id == b.node_id &&
         a.state_dir == b.state_dir;
}

bool same_web(const app::Settings& a, const app::Settings& b) {
  return a.metrics == b.metrics && a.http == b.http && a.max_stale == b.max_stale;
}

}  // namespace

// A signal asked for it, or the Corefile has changed.
bool Daemon::should_reload() {
  if (asked_to_reload_.exchange(false)) return true;
  const auto interval = config_.settings.reload;
  const auto now = std::chrono::steady_clock::now();
  if (interval.count() == 0 || now - looked_at_file_ < interval) return false;
  const bool first = std::exchange(looked_at_file_, now) == std::chrono::steady_clock::time_point{};
  if (first) return false;
  try {
    const auto next = config_.read_again();
    file_trouble_.clear();
    return next && next->settings.fingerprint != config_.settings.fingerprint;
  } catch (const app::Exit& exit) {
    if (std::exchange(file_trouble_, exit.what()) != file_trouble_)
      log_(LogLevel::kError,
           fmt::format("the configuration has changed, but is wrong; the old one stays: {}", exit.what()));
    return false;
  }
}

void Daemon::reload() {
  app::notify_service("RELOADING=1");
  try {
    auto next = config_.read_again();
    if (next) take_over(std::move(*next));
  } catch (const app::Exit& exit) {
    log_(LogLevel::kError, fmt::format("not reloaded, the old configuration stays: {}", exit.what()));
  } catch (const std::exception& failure) {
    log_(LogLevel::kError, fmt::format("not reloaded, the old configuration stays: {}", failure.what()));
  }
  notify_service();
}

// The connection to etcd, the account and the log were set up once.
void Daemon::keep_what_stays(app::Settings& next) const {
  const app::Settings& now = config_.settings;
  const auto keep = [&](auto app::Settings::*member, std::string_view setting) {
    if (next.*member == now.*member) return;
    next.*member = now.*member;
    if (!config_.dev)
      log_(LogLevel::kWarning, fmt::format("{}: changes with a restart only", next.origin(setting).place));
  };
  keep(&app::Settings::endpoints, "endpoints");
  keep(&app::Settings::user, "user");
  keep(&app::Settings::password, "password");
  keep(&app::Settings::tls, "tls");
  keep(&app::Settings::run_as, "run-as");
  keep(&app::Settings::log_level, "log-level");
  keep(&app::Settings::log_format, "log-format");
  keep(&app::Settings::workers, "workers");
}

std::shared_ptr<Pool> Daemon::pool_like(const app::PoolSettings& settings) const {
  const auto found =
      std::ranges::find_if(pools_, [&](const auto& pool) { return same_pool(pool->settings(), settings); });
  return found == pools_.end() ? nullptr : *found;
}

void Daemon::take_over(Config next) {
  keep_what_stays(next.settings);
  auto patterns = check_pools(next.settings);
  check_reverse_zones(next.settings);
  auto dns = std::make_shared<DnsService>(next.settings, patterns);
  dns->open(false, dns_.get());
  std::vector<app::Publication> published;
  std::vector<std::shared_ptr<Pool>> pools;
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    published.push_back(app::own_record(next.settings, next.settings.pools[i], 0));
    auto kept = pool_like(next.settings.pools[i]);
    pools.push_back(kept ? std::move(kept) : make_pool(next.settings, i, patterns[i]));
  }
  dns->prepare(published, log_, dns_.get());
  follow_new(pools, *dns);
  // Every zone has its records. Should a thread of the new servers not start, the pools tell the old zones again.
  for (std::size_t i = 0; i < pools.size(); ++i)
    if (std::ranges::find(pools_, pools[i]) != pools_.end()) pools[i]->retarget(dns->target(i));
  std::vector<PoolStats> now;
  now.reserve(pools.size());
  for (const auto& pool : pools) now.push_back(pool->stats());
  dns->note_listed();
  dns->note_freshness(now);
  try {
    dns->serve(log_, dns_.get());
  } catch (...) {
    for (std::size_t i = 0; i < pools_.size(); ++i) pools_[i]->retarget(dns_->target(i));
    throw;
  }
  for (std::size_t i = 0; i < published.size(); ++i) published[i].record.port = dns->port_of(i);

  waits_.clear();
  std::vector<std::shared_ptr<Pool>> before = pools_;
  {
    const std::lock_guard lock(mutex_);
    dns_before_ = std::exchange(dns_, dns);
    pools_ = pools;
  }
  reloaded_ = std::chrono::steady_clock::now();
  replace_web(next.settings);
  config_ = std::move(next);
  patterns_ = std::move(patterns);
  published_ = std::move(published);
  std::size_t ended = 0;
  for (const auto& pool : before) {
    if (std::ranges::find(pools_, pool) != pools_.end()) continue;
    pool->release();
    pool->stop();
    ++ended;
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < pools_.size(); ++i) {
    const bool old = std::ranges::find(before, pools_[i]) != before.end();
    if (old)
      pools_[i]->publish(published_[i]);
    else if (pools_[i]->settings().claim)
      claim(i);
    kept += old ? 1 : 0;
  }
  limit_waits();
  for (const std::string& warning : config_.settings.warnings) log_(LogLevel::kWarning, warning);
  log_(LogLevel::kInfo, fmt::format("reloaded: {} pools kept, {} new, {} ended", kept, pools_.size() - kept, ended));
}

// Waits for their records, which is why it comes before anything is changed.
void Daemon::follow_new(const std::vector<std::shared_ptr<Pool>>& pools, DnsService& dns) {
  std::stop_source over;
  const std::stop_callback ending(shutdown_->token(), [&] { over.request_stop(); });
  const app::WaitLimit limit(kMaxListing, [&] { over.request_stop(); });
  for (std::size_t i = 0; i < pools.size(); ++i) {
    if (std::ranges::find(pools_, pools[i]) != pools_.end()) continue;
    if (!pools[i]->follow(etcd_, dns.target(i), over.get_token()))
      throw app::Exit(app::kExitUnavailable, fmt::format("etcd did not give the records of {} within {} s",
                                                         pools[i]->pattern().canonical(), kMaxListing.count()));
  }
}

// The machine's addresses have changed: what is published follows, unless `advertise` says it.
void Daemon::publish_addresses() {
  for (std::size_t i = 0; i < pools_.size(); ++i) {
    if (!pools_[i]->settings().claim) continue;
    try {
      auto publication = app::own_record(config_.settings, config_.settings.pools[i], published_[i].record.port);
      published_[i] = publication;
      pools_[i]->publish(std::move(publication));
    } catch (const app::Exit& exit) {
      log_(LogLevel::kWarning, fmt::format("the addresses of before stay published: {}", exit.what()));
    }
  }
}

void Daemon::replace_web(const app::Settings& next) {
  if (same_web(config_.settings, next)) return;
  const auto make = [this](const app::Settings& settings) {
    web_.reset();
    web_ = std::make_unique<WebServers>(settings, WebSources{[this] { return stats(); }, settings.max_stale});
    for (const std::string& line : web_->lines()) log_(LogLevel::kInfo, line);
  };
  try {
    make(next);
  } catch (const app::Exit& exit) {
    log_(LogLevel::kError, fmt::format("not reloaded over HTTP: {}", exit.what()));
    make(config_.settings);
  }
}

}  // namespace idetcd::resolver
