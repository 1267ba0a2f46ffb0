// idetcd doctor: what is wrong between this machine, etcd and the names, and what to do.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>
#include <string>

#include "common/configuration/command_line.h"
#include "common/system/exit_status.h"
#include "common/values/listen_address.h"
#include "common/values/printable.h"
#include "doctor/etcd_checks.h"
#include "doctor/finding.h"
#include "doctor/machine_checks.h"
#include "output_option.h"
#include "pools/inquiry.h"
#include "subcommand.h"

namespace idetcd::tool {
namespace {

app::ListenAddress server_of(const std::string& text) {
  const auto parsed = app::parse_listen_address(text.starts_with('@') ? text.substr(1) : text);
  if (parsed && parsed->ip) return *parsed;
  throw app::Exit(app::kExitUsage,
                  fmt::format("--server: \"{}\" is no address of a DNS server; write e.g. 127.0.0.1 or [::1]:1053",
                              app::printable(text)));
}

void check_names(const std::vector<ListedPool>& pools, const app::ListenAddress& server, Findings& findings) {
  for (const ListedPool& pool : pools) {
    check_mdns(pool.pattern.zone(), findings);
    const auto good =
        std::ranges::find_if(pool.state.names, [](const PoolName& name) { return name.malformed.empty(); });
    if (good == pool.state.names.end()) continue;
    check_dns(server, *good, findings);
    check_system_resolver(*good, findings);
  }
}

int doctor(const app::GivenFlags& given, const std::string& server_text, bool as_json) {
  const app::ListenAddress server = server_of(server_text);
  const Inquiry inquiry = open_inquiry(given);
  Findings findings;
  check_members(inquiry.settings, findings);
  if (!inquiry.told) {
    findings.push_back({Verdict::kWarn, "pattern",
                        "none is set, so only the pools that are found in etcd are looked at",
                        "give the node's own settings: --pattern and --limit, the environment, or --conf"});
  }
  bool readable = std::ranges::any_of(findings, [](const Finding& each) { return each.verdict != Verdict::kFail; });
  for (const app::PoolSettings& pool : inquiry.settings.pools) {
    if (!inquiry.told || !readable) break;
    readable = check_permissions(*inquiry.etcd, pool, findings);
    if (readable) check_pool(*inquiry.etcd, pool, findings);
    if (pool.claim) check_addresses(inquiry.settings, pool, findings);
  }
  if (readable) {
    try {
      check_names(read_pools(inquiry), server, findings);
    } catch (const app::Exit& exit) {
      findings.push_back({Verdict::kWarn, "pools", exit.what(), ""});
    }
  }
  print_findings(findings, as_json);
  const bool wrong = std::ranges::any_of(findings, [](const Finding& each) { return each.verdict == Verdict::kFail; });
  return wrong ? kExitNo : app::kExitOk;
}

}  // namespace

void add_doctor(CLI::App& program, Run& run) {
  CLI::App* command = program.add_subcommand("doctor",
                                             "Look at etcd's members, permissions, pools, addresses, DNS and the "
                                             "machine's resolver, and say what is wrong and "
                                             "what to do. Writes nothing. Status 1: something is wrong.");
  const auto given = std::make_shared<app::GivenFlags>();
  const auto server = std::make_shared<std::string>("127.0.0.1:53");
  const auto json = std::make_shared<bool>(false);
  command->add_option("--server", *server, "where idetcd-resolver serves DNS; default 127.0.0.1:53")
      ->type_name("ADDRESS[:PORT]");
  add_output(*command, *json);
  using enum app::SettingGroup;
  app::add_flags(*command, {kEtcd, kPool, kClaim, kLog}, *given);
  command->callback(
      [given, server, json, &run] { run = [given, server, json] { return doctor(*given, *server, *json); }; });
}

}  // namespace idetcd::tool
