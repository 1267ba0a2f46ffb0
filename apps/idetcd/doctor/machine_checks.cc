#include "doctor/machine_checks.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "common/settings/connection.h"
#include "common/system/exit_status.h"
#include "common/system/port_owner.h"
#include "common/values/listen_address.h"
#include "pools/name_text.h"
#include "query/dns_query.h"

namespace idetcd::tool {
namespace {

using Addresses = std::vector<std::string>;

Addresses sorted(Addresses addresses) {
  std::ranges::sort(addresses);
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  return addresses;
}

std::string shown(const Addresses& addresses) {
  return addresses.empty() ? "no address" : fmt::format("{}", fmt::join(addresses, " "));
}

// As getent ahosts.
Result<Addresses> look_up(const std::string& name) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int failed = getaddrinfo(name.c_str(), nullptr, &hints, &found); failed != 0)
    return Error{ErrorCode::kNotFound, gai_strerror(failed)};
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
  Addresses addresses;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    char text[INET6_ADDRSTRLEN + 1];
    if (getnameinfo(each->ai_addr, each->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) == 0)
      addresses.emplace_back(text);
  }
  return sorted(std::move(addresses));
}

Result<Addresses> ask_server(const app::ListenAddress& server, const std::string& name) {
  Addresses addresses;
  const std::string ip = std::visit([](const auto& address) { return to_string(address); }, *server.ip);
  for (const QueryType type : {QueryType::kA, QueryType::kAaaa}) {
    const auto reply = ask({ip, server.port, name, type});
    if (!reply) return reply.error();
    addresses.insert(addresses.end(), reply->addresses.begin(), reply->addresses.end());
  }
  return sorted(std::move(addresses));
}

std::string holder_of(const app::ListenAddress& server) {
  const std::string owner = app::port_owner(app::socket_address(server), SOCK_DGRAM);
  return owner.empty() ? "nobody listens there" : owner + " listens there";
}

// The words of the line "hosts:" of nsswitch.conf(5).
Addresses host_sources() {
  std::ifstream file("/etc/nsswitch.conf");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string word;
    if (!(words >> word) || word != "hosts:") continue;
    Addresses sources;
    while (words >> word) sources.push_back(word);
    return sources;
  }
  return {};
}

constexpr std::string_view kHookUp = "let the machine's resolver ask idetcd-resolver for this zone; see the README";

}  // namespace

void check_addresses(const app::Settings& settings, const app::PoolSettings& pool, Findings& findings) {
  try {
    const app::Publication own = app::own_record(settings, pool, 0);
    const bool doubt = !own.warning.empty();
    findings.push_back({doubt ? Verdict::kWarn : Verdict::kOk, "address",
                        doubt ? own.warning : fmt::format("this node publishes {}", own.addresses),
                        doubt ? "set advertise, interface or cidr" : ""});
  } catch (const app::Exit& exit) {
    findings.push_back({Verdict::kFail, "address", exit.what(), "set advertise, interface or cidr"});
  }
}

void check_dns(const app::ListenAddress& server, const PoolName& name, Findings& findings) {
  const std::string what = fmt::format("DNS at {}", to_string(server));
  const Addresses in_etcd = sorted(addresses_of(name.record));
  const auto answer = ask_server(server, name.name);
  if (!answer)
    findings.push_back({Verdict::kFail, what, fmt::format("no answer; {}", holder_of(server)),
                        "start idetcd-resolver, or say where it listens with --server"});
  else if (*answer != in_etcd)
    findings.push_back(
        {Verdict::kFail, what,
         fmt::format("{} is {}, and in etcd {}; {}", name.name, shown(*answer), shown(in_etcd), holder_of(server)),
         "if that is another server, let it forward the zone to idetcd-resolver"});
  else
    findings.push_back({Verdict::kOk, what, fmt::format("{} is {}, as in etcd", name.name, shown(*answer))});
}

void check_system_resolver(const PoolName& name, Findings& findings) {
  const std::string what = "programs of this machine";
  const Addresses in_etcd = sorted(addresses_of(name.record));
  const auto found = look_up(name.name);
  if (!found)
    findings.push_back({Verdict::kWarn, what, fmt::format("do not find {}: {}", name.name, found.error().message),
                        std::string(kHookUp)});
  else if (*found != in_etcd)
    findings.push_back({Verdict::kWarn, what,
                        fmt::format("find {} at {}, and in etcd it is {}", name.name, shown(*found), shown(in_etcd)),
                        "a cache, /etc/hosts or another server answers; " + std::string(kHookUp)});
  else
    findings.push_back({Verdict::kOk, what, fmt::format("find {} at {}", name.name, shown(*found))});
}

void check_mdns(std::string_view zone, Findings& findings) {
  if (!zone.ends_with(".local.") && zone != "local.") return;
  const Addresses sources = host_sources();
  const auto before_dns = std::ranges::find_if(sources, [](const std::string& source) {
    return source == "dns" || source.starts_with("mdns") || source == "resolve";
  });
  if (before_dns == sources.end() || *before_dns == "dns") {
    findings.push_back(
        {Verdict::kOk, "zone " + std::string(zone), "nothing on this machine takes .local for multicast DNS"});
    return;
  }
  findings.push_back(
      {Verdict::kWarn, "zone " + std::string(zone),
       fmt::format("{} stands before dns in /etc/nsswitch.conf, and asks the local network for .local", *before_dns),
       "choose a zone that is not below .local, or put dns first for hosts"});
}

}  // namespace idetcd::tool
