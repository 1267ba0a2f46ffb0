#include "common/settings/setting_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

#include "common/settings/setting_readers.h"

namespace idetcd::app {
namespace {

using Arguments = SettingSpec::Arguments;

// Of a password and a file with one, the later one counts.
void keep_password(Settings& s, std::string password) {
  s.password = std::move(password);
  s.password_file.clear();
}

// "USER:PASSWORD" as etcdctl has it, or "USER" alone.
Status set_user(Settings& s, Arguments a) {
  const std::string& text = a.front();
  const auto colon = text.find(':');
  if (text.empty() || colon == 0) return wrong("the user name is empty; expected USER or USER:PASSWORD");
  s.user = text.substr(0, colon);
  if (colon != std::string::npos) keep_password(s, text.substr(colon + 1));
  return {};
}

Status set_password(Settings& s, Arguments a) {
  std::string password;
  if (auto read = read_text(a, password, "the user's password"); !read) return read;
  keep_password(s, std::move(password));
  return {};
}

// Read once all sources are known: a pipe can be read only once.
Status set_password_file(Settings& s, Arguments a) {
  if (auto read = read_text(a, s.password_file, "/etc/idetcd/password"); !read) return read;
  s.password.clear();
  return {};
}

Status set_credentials(Settings& s, Arguments a) {
  if (a[0].empty()) return wrong("the user name is empty");
  s.user = a[0];
  keep_password(s, a[1]);
  return {};
}

// As the etcd plugin of CoreDNS: nothing, CA, CERT KEY, or CERT KEY CA.
Status set_tls(Settings& s, Arguments a) {
  s.tls = {};
  if (a.size() >= 2) {
    s.tls.cert_file = a[0];
    s.tls.key_file = a[1];
  }
  if (a.size() == 1 || a.size() == 3) s.tls.ca_file = a.back();
  return {};
}

Status set_pattern(PoolSettings& p, Arguments a) {
  return read_text(a, p.pattern, "'worker{{.ID}}.tf.local.'");
}

// "PATTERN LIMIT" in a file, "PATTERN=LIMIT" elsewhere: no name has a = in it, and one
// inside of an action is followed by the action's end.
Status set_serve(PoolSettings& p, Arguments a) {
  std::string pattern = a.front();
  std::optional<std::string> limit;
  if (a.size() == 2) limit = a[1];
  const auto equals = pattern.rfind('=');
  if (a.size() == 1 && equals != std::string::npos && pattern.find("}}", equals) == std::string::npos) {
    limit = pattern.substr(equals + 1);
    pattern.resize(equals);
  }
  if (pattern.empty()) return wrong("the pattern is empty; expected e.g. 'ps{{.ID}}.tf.local.=4'");
  if (limit) {
    const auto read = parse_limit(*limit);
    if (!read) return read.error();
    p.limit = *read;
  }
  p.pattern = std::move(pattern);
  p.claim = false;
  return {};
}

Status set_limit(PoolSettings& p, Arguments a) {
  const auto limit = parse_limit(a.front());
  if (!limit) return limit.error();
  p.limit = *limit;
  return {};
}

Status set_dns_ttl(Settings& s, Arguments a) {
  std::chrono::seconds ttl{};
  if (auto read = read_duration(a, ttl, std::chrono::days(1)); !read) return read;
  s.dns_ttl = ttl;
  return {};
}

Status set_listen(Settings& s, Arguments a) {
  const auto parse = [&s](const std::string& item) { return parse_listen_address(item, s.port); };
  return read_list(a, s.listen, parse, "127.0.0.1:1053");
}

Status set_max_stale(Settings& s, Arguments a) {
  std::chrono::seconds most{};
  if (auto read = read_duration(a, most, std::chrono::days(365)); !read) return read;
  s.max_stale = most;
  return {};
}

Status set_workers(Settings& s, Arguments a) {
  const auto workers = parse_count(a.front(), 256);
  if (!workers) return workers.error();
  s.workers = *workers;
  return {};
}

Status set_metrics(Settings& s, Arguments a) {
  constexpr std::uint16_t kPort = 9153;  // CoreDNS' port for metrics
  const auto address = parse_listen_address(a.front(), kPort);
  if (!address) return address.error();
  s.metrics = *address;
  return {};
}

Status set_state_dir(PoolSettings& p, Arguments a) {
  if (a.front().empty()) return wrong("is empty; expected a directory, e.g. /var/lib/idetcd");
  p.state_dir = a.front();
  return {};
}

// "NAME VALUE" in a file, "NAME=VALUE" elsewhere.
Result<std::pair<std::string, std::string>> read_pair(Arguments a, std::string_view example) {
  if (a.size() == 2) return std::pair(a[0], a[1]);
  const auto equals = a.front().find('=');
  if (equals == std::string::npos) return wrong(fmt::format("\"{}\" has no =; expected e.g. {}", a.front(), example));
  return std::pair(a.front().substr(0, equals), a.front().substr(equals + 1));
}

Status set_srv(PoolSettings& p, Arguments a) {
  if (a.empty()) return p.srv.clear(), Status();
  const auto pair = read_pair(a, "grpc=2222");
  if (!pair) return pair.error();
  const auto& [name, text] = *pair;
  if (auto legal = check_service_name(name); !legal) return legal;
  const auto port = parse_service_port(text);
  if (!port) return port.error();
  if (!p.srv.emplace(name, *port).second) return wrong(fmt::format("the port \"{}\" is given twice", name));
  return {};
}

Status set_meta(PoolSettings& p, Arguments a) {
  if (a.empty()) return p.meta.clear(), Status();
  const auto pair = read_pair(a, "role=ps");
  if (!pair) return pair.error();
  const auto& [key, value] = *pair;
  if (auto legal = check_meta(key, value); !legal) return legal;
  if (!p.meta.emplace(key, value).second) return wrong(fmt::format("\"{}\" is given twice", key));
  return {};
}

Status set_on_full(PoolSettings& p, Arguments a) {
  constexpr std::array<std::pair<std::string_view, OnFull>, 2> kChoices{
      {{"exit", OnFull::kFail}, {"wait", OnFull::kWait}}};
  return read_choice(a, p.on_full, kChoices);
}

Status set_on_stop(PoolSettings& p, Arguments a) {
  constexpr std::array<std::pair<std::string_view, OnStopPolicy>, 2> kChoices{
      {{"release", OnStopPolicy::kRelease}, {"keep", OnStopPolicy::kKeep}}};
  return read_choice(a, p.on_stop, kChoices);
}

Status set_on_lost(PoolSettings& p, Arguments a) {
  constexpr std::array<std::pair<std::string_view, OnLostPolicy>, 3> kChoices{
      {{"reclaim", OnLostPolicy::kReclaim}, {"exit", OnLostPolicy::kExit}, {"serve-only", OnLostPolicy::kServeOnly}}};
  return read_choice(a, p.on_lost, kChoices);
}

Status set_log_level(Settings& s, Arguments a) {
  constexpr std::array<std::pair<std::string_view, LogLevel>, 4> kChoices{{{"debug", LogLevel::kDebug},
                                                                           {"info", LogLevel::kInfo},
                                                                           {"warning", LogLevel::kWarning},
                                                                           {"error", LogLevel::kError}}};
  return read_choice(a, s.log_level, kChoices);
}

Status set_log_format(Settings& s, Arguments a) {
  constexpr std::array<std::pair<std::string_view, LogFormat>, 2> kChoices{
      {{"text", LogFormat::kText}, {"json", LogFormat::kJson}}};
  return read_choice(a, s.log_format, kChoices);
}

constexpr int kMany = 64;
using enum SettingGroup;
using enum SettingSpec::Where;

constexpr SettingSpec kSettings[] = {
    {"endpoints", "endpoint", kEtcd, kEverywhere, 1, kMany, "URL[,URL]",
     "addresses of etcd; default http://localhost:2379",
     [](Settings& s, Arguments a) { return read_texts(a, s.endpoints, "http://localhost:2379"); }},
    {"user", "user", kEtcd, kEverywhere, 1, 1, "USER[:PASSWORD]", "etcd user", set_user, nullptr, false, true},
    {"password", "password", kEtcd, kEverywhere, 1, 1, "PASSWORD",
     "etcd password; better given by --password-file or IDETCD_PASSWORD", set_password, nullptr, false, true},
    {"password-file", "password-file", kEtcd, kEverywhere, 1, 1, "FILE", "file with the etcd password",
     set_password_file},
    {"credentials", "credentials", kEtcd, kOnlyInFile, 2, 2, "USER PASSWORD", "etcd user and password", set_credentials,
     nullptr, false, true},
    {"cacert", "cacert", kEtcd, kEverywhere, 1, 1, "FILE",
     "PEM file of the CA certificates to trust; default: the system's",
     [](Settings& s, Arguments a) { return read_text(a, s.tls.ca_file, "/etc/etcd/ca.pem"); }},
    {"cert", "cert", kEtcd, kEverywhere, 1, 1, "FILE", "PEM file of this client's certificate",
     [](Settings& s, Arguments a) { return read_text(a, s.tls.cert_file, "/etc/etcd/client.pem"); }},
    {"key", "key", kEtcd, kEverywhere, 1, 1, "FILE", "PEM file of this client's key",
     [](Settings& s, Arguments a) { return read_text(a, s.tls.key_file, "/etc/etcd/client-key.pem"); }},
    {"tls", "tls", kEtcd, kOnlyInFile, 0, 3, "[CERT KEY] [CACERT]", "TLS files", set_tls},

    {"pattern", "pattern", kPool, kEverywhere, 1, 1, "PATTERN",
     "pattern of the node names, e.g. 'worker{{.ID}}.tf.local.'; repeatable: claims a name of each", set_pattern,
     split_patterns, true},
    {"serve", "serve", kPool, kEverywhere, 1, 2, "PATTERN[=N]",
     "serve this pool too, without claiming a name; default N: limit; repeatable", set_serve, split_patterns, true},
    {"limit", "limit", kPool, kEverywhere, 1, 1, "N", "maximum number of nodes in the pool; default 10", set_limit},
    {"path", "path", kPool, kEverywhere, 1, 1, "PREFIX", "prefix of every key in etcd; default none",
     [](PoolSettings& p, Arguments a) { return read_text(a, p.path, "/names/"); }},

    {"ttl", "ttl", kClaim, kEverywhere, 1, 1, "DURATION", "how long a name outlives a dead node; default 20s",
     [](PoolSettings& p, Arguments a) { return read_duration(a, p.ttl); }},
    {"advertise", "advertise", kClaim, kEverywhere, 1, kMany, "IP[,IP]",
     "addresses to publish; default: those of the route to etcd, or of the default route",
     [](PoolSettings& p, Arguments a) { return read_texts(a, p.advertise, "10.0.0.7"); }},
    {"interface", "interface", kClaim, kEverywhere, 1, 1, "NAME", "publish addresses of this interface, e.g. eth0",
     [](PoolSettings& p, Arguments a) { return read_text(a, p.interface, "eth0"); }},
    {"cidr", "cidr", kClaim, kEverywhere, 1, kMany, "NET[,NET]", "publish addresses in these networks, e.g. 10.0.0.0/8",
     [](PoolSettings& p, Arguments a) { return read_texts(a, p.cidr, "10.0.0.0/8"); }},
    {"srv", "srv", kClaim, kEverywhere, 2, 2, "NAME=PORT",
     "port of this node to publish, e.g. grpc=2222 (SRV of _grpc._tcp); repeatable", set_srv, split_list},
    {"meta", "meta", kClaim, kEverywhere, 2, 2, "KEY=VALUE", "metadata of this node to publish (TXT); repeatable",
     set_meta, split_list},
    {"on-full", "on-full", kClaim, kEverywhere, 1, 1, "exit|wait", "what to do when every name is taken; default exit",
     set_on_full},
    {"max-wait", "max-wait", kClaim, kEverywhere, 1, 1, "DURATION",
     "with on-full wait: exit with status 75 (69: etcd is away) after this long; default 0, never",
     [](PoolSettings& p, Arguments a) { return read_duration(a, p.max_wait, std::chrono::days(365)); }},
    {"on-stop", "on-stop", kClaim, kEverywhere, 1, 1, "release|keep",
     "whether the name is given back at a stop, or left for a restart with the same state-dir; default release",
     set_on_stop},
    {"on-lost", "on-lost", kClaim, kEverywhere, 1, 1, "reclaim|exit|serve-only",
     "what to do when the name is lost; default reclaim", set_on_lost},
    {"sticky", "sticky", kClaim, kEverywhere, 1, 1, "DURATION",
     "keep the name for this node this long after its lease ends; default 0",
     [](PoolSettings& p, Arguments a) { return read_duration(a, p.sticky); }},
    {"node-id", "node-id", kClaim, kEverywhere, 1, 1, "ID",
     "identity of this node; two live processes may not share one; default random",
     [](PoolSettings& p, Arguments a) { return read_text(a, p.node_id, "host-7"); }},
    {"state-dir", "state-dir", kClaim, kEverywhere, 1, 1, "DIRECTORY",
     "directory of the state with which a restarted node resumes its name", set_state_dir},

    {"listen", "listen", kServe, kEverywhere, 1, kMany, "ADDRESS[:PORT]",
     "where to serve DNS; default *:53; repeatable", set_listen},
    {"dns-ttl", "dns-ttl", kServe, kEverywhere, 1, 1, "DURATION", "TTL of DNS answers; default 5s, never more than ttl",
     set_dns_ttl},
    {"metrics", "metrics", kServe, kEverywhere, 1, 1, "ADDRESS[:PORT]",
     "serve /metrics, /ready and /health over HTTP, e.g. on 127.0.0.1:9153; default off", set_metrics},
    {"max-stale", "max-stale", kServe, kEverywhere, 1, 1, "DURATION",
     "answer SERVFAIL once etcd has been unreachable for this long; 0: at once; default never", set_max_stale},
    {"pool-name", "pool-name", kServe, kEverywhere, 1, 1, "NAME",
     "name that answers with all members, e.g. all.tf.local.",
     [](PoolSettings& p, Arguments a) { return read_text(a, p.pool_name, "all.tf.local."); }},
    {"reverse", "reverse", kServe, kEverywhere, 1, kMany, "ZONE[,ZONE]",
     "answer PTR queries for these, e.g. 10.0.0.0/8 or 10.in-addr.arpa.",
     [](Settings& s, Arguments a) { return read_texts(a, s.reverse, "10.0.0.0/8"); }},
    {"allow", "allow", kServe, kEverywhere, 1, kMany, "NET[,NET]", "networks that may query; default all",
     [](Settings& s, Arguments a) { return read_list(a, s.allow, parse_network, "10.0.0.0/8"); }},
    {"deny", "deny", kServe, kEverywhere, 1, kMany, "NET[,NET]", "networks that may not query; wins over allow",
     [](Settings& s, Arguments a) { return read_list(a, s.deny, parse_network, "10.0.0.0/8"); }},
    {"nsid", "nsid", kServe, kEverywhere, 1, 1, "TEXT", "name of this server, for NSID (RFC 5001) and CH TXT id.server",
     [](Settings& s, Arguments a) { return read_text(a, s.nsid, "node7"); }},
    {"server-version", "server-version", kServe, kEverywhere, 1, 1, "TEXT|none",
     "answer to CH TXT version.bind; none: refused; default the program's version",
     [](Settings& s, Arguments a) { return read_text(a, s.server_version, "none"); }},
    {"workers", "workers", kServe, kEverywhere, 1, 1, "N", "threads that answer UDP; default one per core",
     set_workers},

    {"run-as", "run-as", kProcess, kEverywhere, 1, 1, "ACCOUNT",
     "account to change to when started as root, e.g. idetcd; default: stay root, without its capabilities",
     [](Settings& s, Arguments a) { return read_text(a, s.run_as, "idetcd"); }},

    {"log-level", "log-level", kLog, kEverywhere, 1, 1, "debug|info|warning|error", "default info", set_log_level},
    {"log-format", "log-format", kLog, kEverywhere, 1, 1, "text|json", "one line for each message; default text",
     set_log_format},
};

}  // namespace

std::span<const SettingSpec> all_settings() {
  return kSettings;
}

}  // namespace idetcd::app
