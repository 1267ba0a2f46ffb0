#include "dns_service.h"

#include <fmt/format.h>
#include <idetcd/version.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "answer/query_tap.h"
#include "checked_pools.h"
#include "common/system/exit_status.h"
#include "forward/make_forwarder.h"
#include "wire/wire_name.h"

namespace idetcd::resolver {
namespace {

using namespace std::chrono_literals;

// What is set for the whole server wins over the directives of a server block.
AnswerPolicy answer_policy(const app::Settings& settings, const app::ServerSettings& server) {
  AnswerPolicy policy;
  policy.nsid = settings.nsid.empty() ? server.nsid.value_or("") : settings.nsid;
  // The same question by an older way (RFC 4892 2).
  policy.id = settings.nsid.empty() ? server.hostname.value_or("") : settings.nsid;
  if (settings.server_version.empty())
    policy.version = server.version.value_or("idetcd-resolver " IDETCD_VERSION);
  else if (settings.server_version != "none")
    policy.version = settings.server_version;
  policy.authors = server.authors;
  policy.allow = app::NetworkList(settings.allow);
  policy.deny = app::NetworkList(settings.deny);
  policy.acl = Acl(server.acl);
  policy.max_udp = server.max_udp.value_or(kMaxUdpReply);
  policy.whoami = server.whoami;
  if (!server.log.empty()) policy.tap = std::make_shared<QueryTap>(server.log);
  return policy;
}

std::vector<Bytes> zones_of(const app::ServerSettings& server) {
  std::vector<Bytes> zones;
  for (const app::corefile::ServerKey& key : server.keys) {
    auto zone = to_wire(key.zone);
    if (zone && std::ranges::find(zones, *zone) == zones.end()) zones.push_back(std::move(*zone));
  }
  return zones;
}

[[noreturn]] void refuse_zones(const app::Settings& settings, const Error& error) {
  if (!error.option.empty()) app::refuse(settings.origin(error.option), error.message);
  throw app::Exit(app::kExitConfig, error.message);
}

}  // namespace

DnsService::DnsService(app::Settings settings, std::vector<PatternTemplate> patterns)
    : settings_(std::move(settings)), patterns_(std::move(patterns)), fronts_(settings_.servers) {}

DnsService::~DnsService() {
  stop();
}

void DnsService::open(bool may_change_ports, const DnsService* before) {
  const DnsFronts* const open = before != nullptr ? &before->fronts_ : nullptr;
  Status opened = fronts_.open(settings_.workers, open);
  if (!opened && may_change_ports) {
    fronts_.use_any_port();
    opened = fronts_.open(settings_.workers, open);
  }
  if (!opened) throw app::Exit(app::kExitOs, opened.error().message);
}

void DnsService::prepare(const std::vector<app::Publication>& published, const LogSink& log, const DnsService* before) {
  const CookieSecret secret = before != nullptr && !before->blocks_.empty()
                                  ? before->blocks_.front().policy.cookie_secret
                                  : CookieSecret::random();  // of the address, whichever block answers
  for (std::size_t server = 0; server < settings_.servers.size(); ++server) {
    auto publisher = ZonePublisher::create(zone_options(server, published));
    if (!publisher) refuse_zones(settings_, publisher.error());
    publishers_.push_back(std::move(*publisher));
    // Until the records have been read once.
    if (has_pools(server)) publishers_.back()->set_freshness(Freshness::kExpired);
    blocks_.push_back({zones_of(settings_.servers[server]), &publishers_.back()->zones(),
                       answer_policy(settings_, settings_.servers[server]), publishers_.back()});
    blocks_.back().policy.cookie_secret = secret;
    blocks_.back().policy.forwarder = forwarder_of(server, log, before);
  }
  log_queries(log);
}

void DnsService::serve(const LogSink& log, DnsService* before) {
  if (auto served = fronts_.serve(blocks_, before != nullptr ? &before->fronts_ : nullptr); !served)
    throw app::Exit(app::kExitOs, served.error().message);
  if (before != nullptr) {
    before->fronts_.stop();
    for (auto& forwarder : before->forwarders_)  // with its cache
      if (std::ranges::find(forwarders_, forwarder) != forwarders_.end()) forwarder.reset();
  }
  log_serving(log);
}

bool DnsService::drained() const {
  return std::ranges::all_of(forwarders_,
                             [](const auto& forwarder) { return !forwarder || forwarder->totals().in_flight == 0; });
}

// A publisher counts the pools of its own server block.
std::function<void(const RecordSet&, std::span<const SlotId>)> DnsService::target(std::size_t pool) {
  const std::size_t server = settings_.pools[pool].server;
  const auto before = std::span(settings_.pools).first(pool);
  const auto index = static_cast<std::size_t>(std::ranges::count(before, server, &app::PoolSettings::server));
  return [publisher = publishers_[server].get(), index](const RecordSet& set, std::span<const SlotId> changed) {
    publisher->apply(index, set, changed);
  };
}

void DnsService::note_listed() {
  for (const auto& publisher : publishers_) publisher->set_freshness(Freshness::kLive);
}

void DnsService::note_freshness(std::span<const PoolStats> pools) {
  for (std::size_t server = 0; server < publishers_.size(); ++server) {
    std::vector<PoolStats> own;
    for (std::size_t pool = 0; pool < pools.size(); ++pool)
      if (settings_.pools[pool].server == server) own.push_back(pools[pool]);
    publishers_[server]->set_freshness(freshness_of(own, settings_.max_stale));
  }
}

ZoneTotals DnsService::zone_totals() const {
  ZoneTotals sum;
  for (const auto& publisher : publishers_) {
    const ZoneTotals zone = publisher->totals();
    sum.names += zone.names;
    sum.over_limit += zone.over_limit;
    sum.unencodable += zone.unencodable;
  }
  return sum;
}

// Replies go out over the sockets, so forwarding ends first.
void DnsService::stop() {
  for (const auto& forwarder : forwarders_)
    if (forwarder) forwarder->stop();
  fronts_.stop();
  query_log_.reset();
}

std::optional<ForwardTotals> DnsService::forward_totals() const {
  if (std::ranges::none_of(settings_.servers, [](const auto& server) { return !server.forward.empty(); })) return {};
  ForwardTotals sum;
  for (const auto& forwarder : forwarders_) {
    if (!forwarder) continue;
    const ForwardTotals each = forwarder->totals();
    sum.queries += each.queries;
    sum.refused += each.refused;
    sum.failed += each.failed;
    sum.in_flight += each.in_flight;
  }
  return sum;
}

// Null: nothing is forwarded. One with the same upstreams and cache goes on, with what it keeps.
std::shared_ptr<Forwarder> DnsService::forwarder_of(std::size_t server, const LogSink& log, const DnsService* before) {
  const app::ServerSettings& settings = settings_.servers[server];
  std::shared_ptr<Forwarder>& forwarder = forwarders_.emplace_back();
  if (settings.forward.empty()) return nullptr;
  if (before != nullptr) {
    const auto& others = before->settings_.servers;
    const auto same = std::ranges::find_if(others, [&](const app::ServerSettings& other) {
      return other.forward == settings.forward && other.cache == settings.cache && other.max_udp == settings.max_udp;
    });
    if (same != others.end()) return forwarder = before->forwarders_[static_cast<std::size_t>(same - others.begin())];
  }
  auto made = make_forwarder({settings.forward, settings.cache, settings.max_udp.value_or(kMaxUdpReply)}, log);
  if (!made) {
    const bool refused = made.error().code == ErrorCode::kInvalidArgument;
    throw app::Exit(refused ? app::kExitConfig : app::kExitOs, made.error().message);
  }
  return forwarder = std::move(*made);
}

void DnsService::log_queries(const LogSink& log) {
  std::vector<QueryLog::Source> sources;
  for (std::size_t server = 0; server < blocks_.size(); ++server) {
    if (!blocks_[server].policy.tap) continue;
    QueryLog::Source source{blocks_[server].policy.tap, {}};
    for (const app::QueryLogRule& rule : settings_.servers[server].log)
      source.formats.push_back(app::parse_query_format(rule.format));
    sources.push_back(std::move(source));
  }
  if (!sources.empty()) query_log_ = std::make_unique<QueryLog>(std::move(sources), log);
}

// A line for each set of zones.
void DnsService::log_serving(const LogSink& log) const {
  std::vector<std::pair<std::string, std::vector<std::string>>> lines;
  for (std::size_t front = 0; front < fronts_.size(); ++front) {
    const std::string zones = fmt::format("{}", fmt::join(zones_at(front), ", "));
    if (lines.empty() || lines.back().first != zones) lines.push_back({zones, {}});
    lines.back().second.push_back(fronts_.address(front));
  }
  for (const auto& [zones, addresses] : lines)
    log(LogLevel::kInfo, fmt::format("serving {} on {} (UDP and TCP)", zones, fmt::join(addresses, ", ")));
}

// Those of the pools; of a server block without pools, its keys.
std::vector<std::string> DnsService::zones_at(std::size_t front) const {
  std::vector<std::string> zones;
  const auto add = [&](std::string_view zone) {
    if (std::ranges::find(zones, zone) == zones.end()) zones.emplace_back(zone);
  };
  for (const std::size_t server : fronts_.blocks(front)) {
    for (std::size_t pool = 0; pool < patterns_.size(); ++pool)
      if (settings_.pools[pool].server == server) add(patterns_[pool].zone());
    if (!has_pools(server))
      for (const app::corefile::ServerKey& key : settings_.servers[server].keys) add(key.zone);
  }
  return zones;
}

bool DnsService::has_pools(std::size_t server) const {
  return std::ranges::find(settings_.pools, server, &app::PoolSettings::server) != settings_.pools.end();
}

// The pool whose record gives the zones' name server its addresses: the first one claimed.
std::optional<std::size_t> DnsService::own_pool(std::size_t server) const {
  const std::vector<app::PoolSettings>& pools = settings_.pools;
  std::optional<std::size_t> first;
  for (std::size_t pool = 0; pool < pools.size(); ++pool) {
    if (pools[pool].server != server) continue;
    if (pools[pool].claim) return pool;
    if (!first) first = pool;
  }
  return first;
}

ZoneOptions DnsService::zone_options(std::size_t server, const std::vector<app::Publication>& published) const {
  ZoneOptions options;
  for (std::size_t pool = 0; pool < patterns_.size(); ++pool) {
    if (settings_.pools[pool].server == server)
      options.pools.push_back({.pattern = patterns_[pool], .pool_name = settings_.pools[pool].pool_name});
  }
  const auto own = own_pool(server);
  if (!own) return options;
  options.reverse_zones = reverse_zones_of(settings_, server);
  options.ttl = std::min(settings_.dns_ttl.value_or(5s), settings_.pools[*own].ttl);
  const Record& record = published[*own].record;
  std::vector<IpAddress> advertised(record.ipv4.begin(), record.ipv4.end());
  advertised.insert(advertised.end(), record.ipv6.begin(), record.ipv6.end());
  for (const IpAddress& address : app::reachable_addresses(settings_.servers[server].listen, advertised)) {
    if (const auto* ipv4 = std::get_if<Ipv4>(&address))
      options.nameserver_ipv4.push_back(*ipv4);
    else
      options.nameserver_ipv6.push_back(std::get<Ipv6>(address));
  }
  return options;
}

}  // namespace idetcd::resolver
