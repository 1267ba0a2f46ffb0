#include "common/configuration/config_report.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <vector>

#include "common/settings/setting_table.h"
#include "common/settings/setting_values.h"
#include "common/values/printable.h"

namespace idetcd::app {
namespace {

using nlohmann::json;

struct Entry {
  std::string name;
  std::vector<std::string> values;
  std::string origin;
  bool list = false;  // may have several values
};

bool was_set(const Origins& origins, std::string_view setting) {
  return origins.contains(setting) || std::ranges::any_of(kSynonyms, [&](const auto& pair) {
           return pair.second == setting && origins.contains(pair.first);
         });
}

std::vector<Entry> entries(const Settings& settings, const PoolSettings& pool, bool of_pool) {
  std::vector<Entry> all;
  for (const SettingSpec& spec : all_settings()) {
    if (spec.of_pool() != of_pool || !has_value(spec.name)) continue;
    const Origins& origins = of_pool ? pool.origins : settings.origins;
    // A user may have been given with the password.
    const bool with_user = spec.name == "password" && !was_set(origins, spec.name) && !settings.password.empty();
    const std::string_view name = with_user ? "user" : spec.name;
    const Origin origin = of_pool ? pool.origin(name) : settings.origin(name);
    all.push_back({std::string(spec.name), setting_values(spec.name, settings, pool),
                   was_set(origins, name) ? origin.place : "default",
                   spec.max_arguments > 1 || (spec.split != nullptr && !spec.names_pool)});
  }
  return all;
}

Entry entry_of(const ForwardRule& rule) {
  std::vector<std::string> words{rule.zone};
  for (const Upstream& upstream : rule.upstreams)
    words.push_back((upstream.tls ? "tls://" : "") + to_string(ListenAddress{upstream.ip, upstream.port}));
  return {"forward", {fmt::format("{}", fmt::join(words, " "))}, rule.place};
}

std::vector<Entry> entries_of_server(const Settings& settings, const ServerSettings& server) {
  std::vector<Entry> all;
  const std::string origin = server.place.empty() ? "default" : server.place;
  std::vector<std::string> keys;
  for (const corefile::ServerKey& key : server.keys)
    keys.push_back(fmt::format("{}:{}", key.zone, key.port.value_or(settings.port)));
  std::vector<std::string> listen;
  for (const ListenAddress& address : server.listen) listen.push_back(to_string(address));
  all.push_back({"keys", keys, origin, true});
  all.push_back({"listen", listen, settings.listen.empty() ? origin : settings.origin("listen").place, true});
  const auto add = [&](std::string_view name, std::vector<std::string> values) {
    if (!values.empty()) all.push_back({std::string(name), std::move(values), origin, name == "authors"});
  };
  if (server.nsid) add("nsid", {*server.nsid});
  if (server.version) add("version", {*server.version});
  add("authors", server.authors);
  if (server.max_udp) add("bufsize", {fmt::format("{}", *server.max_udp)});
  if (server.whoami) add("whoami", {"on"});
  if (!server.acl.empty()) add("acl", {fmt::format("{} rules", server.acl.size())});
  if (!server.log.empty()) add("log", {fmt::format("{} rules", server.log.size())});
  for (const ForwardRule& rule : server.forward) all.push_back(entry_of(rule));
  if (server.cache) add("cache", {fmt::format("{} s at most", server.cache->max_ttl.count())});
  return all;
}

std::vector<Entry> entries_of_http(const Settings& settings) {
  std::vector<Entry> all;
  for (const HttpEndpoint& each : settings.http) {
    const std::string address = to_string(each.address);
    if (each.metrics) all.push_back({"prometheus", {address}, each.place});
    if (each.health) all.push_back({"health", {address}, each.place});
    if (each.ready) all.push_back({"ready", {address}, each.place});
  }
  if (settings.lameduck.count() > 0)
    all.push_back({"lameduck", {fmt::format("{}ms", settings.lameduck.count())}, "health"});
  return all;
}

void print(std::string& text, std::string_view title, const std::vector<Entry>& all) {
  if (all.empty()) return;
  text += fmt::format("{}# {}\n", text.empty() ? "" : "\n", title);
  for (const Entry& entry : all) {
    const std::string value = entry.values.empty() ? "-" : printable(fmt::format("{}", fmt::join(entry.values, " ")));
    text += fmt::format("{:<15} {:<40} {}\n", entry.name, value, entry.origin);
  }
}

json to_json(const std::vector<Entry>& all) {
  json object = json::object();
  for (const Entry& entry : all) {
    json value = entry.values;
    if (!entry.list) value = entry.values.empty() ? json() : json(entry.values.front());
    object[entry.name] = {{"value", value}, {"origin", entry.origin}};
  }
  return object;
}

std::string title_of(const PoolSettings& pool, std::size_t number) {
  return fmt::format("pool {}{}", number, pool.claim ? "" : ", served only");
}

}  // namespace

std::string config_as_text(const Settings& settings) {
  std::string text;
  print(text, "the whole server", entries(settings, settings.pools.front(), false));
  print(text, "over HTTP", entries_of_http(settings));
  for (std::size_t i = 0; i < settings.pools.size(); ++i)
    print(text, title_of(settings.pools[i], i + 1), entries(settings, settings.pools[i], true));
  for (std::size_t i = 0; i < settings.servers.size(); ++i)
    print(text, fmt::format("server block {}", i + 1), entries_of_server(settings, settings.servers[i]));
  return text;
}

std::string config_as_json(const Settings& settings) {
  json all{{"corefile", settings.corefile.empty() ? json() : json(settings.corefile)},
           {"settings", to_json(entries(settings, settings.pools.front(), false))},
           {"http", to_json(entries_of_http(settings))},
           {"pools", json::array()},
           {"servers", json::array()},
           {"warnings", settings.warnings}};
  for (const PoolSettings& pool : settings.pools) {
    json each = to_json(entries(settings, pool, true));
    each["claim"] = pool.claim;
    each["server"] = pool.server;
    all["pools"].push_back(std::move(each));
  }
  for (const ServerSettings& server : settings.servers)
    all["servers"].push_back(to_json(entries_of_server(settings, server)));
  return all.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string config_summary(const Settings& settings) {
  std::vector<std::string> claims;
  std::vector<std::string> serves;
  std::vector<std::string> listens;
  for (const PoolSettings& pool : settings.pools) (pool.claim ? claims : serves).push_back(pool.pattern);
  for (const ServerSettings& server : settings.servers) {
    for (const ListenAddress& address : server.listen) {
      const std::string text = to_string(address);
      if (std::ranges::find(listens, text) == listens.end()) listens.push_back(text);
    }
  }
  std::string text =
      fmt::format("{}: the configuration is valid;", settings.corefile.empty() ? "idetcd-resolver" : settings.corefile);
  if (!claims.empty()) text += fmt::format(" claims a name of {};", fmt::join(claims, ", "));
  if (!serves.empty()) text += fmt::format(" serves {};", fmt::join(serves, ", "));
  return text + fmt::format(" listens on {}", fmt::join(listens, ", "));
}

}  // namespace idetcd::app
