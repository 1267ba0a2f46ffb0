// idetcd resolve NAME: what etcd has and what a DNS server answers, side by side.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "common/configuration/command_line.h"
#include "common/system/exit_status.h"
#include "common/values/listen_address.h"
#include "common/values/printable.h"
#include "pools/inquiry.h"
#include "pools/name_text.h"
#include "query/dns_query.h"
#include "subcommand.h"

namespace idetcd::tool {
namespace {

app::ListenAddress server_of(const std::string& text) {
  const auto parsed = app::parse_listen_address(text.starts_with('@') ? text.substr(1) : text);
  if (!parsed || !parsed->ip)
    throw app::Exit(app::kExitUsage,
                    fmt::format("--server: \"{}\" is no address of a DNS server; write e.g. 127.0.0.1 or [::1]:1053",
                                app::printable(text)));
  return *parsed;
}

struct Answer {
  std::vector<std::string> addresses;
  std::string rcode;
};

Answer ask_both(const app::ListenAddress& server, const std::string& name) {
  Answer answer;
  const std::string address = std::visit([](const auto& ip) { return to_string(ip); }, *server.ip);
  for (const QueryType type : {QueryType::kA, QueryType::kAaaa}) {
    const auto reply = ask({address, server.port, name, type});
    if (!reply) throw app::Exit(reply.error());
    answer.rcode = reply->rcode;
    answer.addresses.insert(answer.addresses.end(), reply->addresses.begin(), reply->addresses.end());
  }
  return answer;
}

std::string shown(const std::vector<std::string>& addresses, std::string_view otherwise) {
  return addresses.empty() ? std::string(otherwise) : fmt::format("{}", fmt::join(addresses, " "));
}

int resolve(const app::GivenFlags& given, const std::string& text, const std::string& server_text) {
  const app::ListenAddress server = server_of(server_text);
  const auto pools = read_pools(open_inquiry(given));
  const FoundName found = find_name(pools, text);
  const std::string name(found.pool.pattern.render(found.slot));
  auto in_etcd = found.taken == nullptr ? std::vector<std::string>{} : addresses_of(found.taken->record);
  auto in_dns = ask_both(server, name);
  fmt::print("{}\n  etcd  {}\n  dns   {}    ({}, {})\n", name,
             shown(in_etcd, found.taken == nullptr ? "(free)" : "(no address)"),
             shown(in_dns.addresses, "(no address)"), to_string(server), in_dns.rcode);
  std::ranges::sort(in_etcd);
  std::ranges::sort(in_dns.addresses);
  if (in_etcd == in_dns.addresses) return app::kExitOk;
  fmt::print(stderr, "they differ: the DNS server is behind etcd, or serves another pool, path or etcd\n");
  return kExitNo;
}

}  // namespace

void add_resolve(CLI::App& program, Run& run) {
  CLI::App* command = program.add_subcommand(
      "resolve", "Show the addresses of NAME in etcd beside those that a DNS server answers. Status 1: they differ.");
  const auto given = std::make_shared<app::GivenFlags>();
  const auto name = std::make_shared<std::string>();
  const auto server = std::make_shared<std::string>("127.0.0.1:53");
  command->add_option("NAME", *name, "e.g. worker4.tf.local.")->required();
  command->add_option("--server", *server, "the DNS server; default 127.0.0.1:53")->type_name("ADDRESS[:PORT]");
  using enum app::SettingGroup;
  app::add_flags(*command, {kEtcd, kPool, kLog}, *given);
  command->callback(
      [given, name, server, &run] { run = [given, name, server] { return resolve(*given, *name, *server); }; });
}

}  // namespace idetcd::tool
