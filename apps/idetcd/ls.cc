// idetcd ls: who has which name, and who waits for one.
#include <CLI/CLI.hpp>

#include <map>
#include <memory>
#include <string>

#include "common/configuration/command_line.h"
#include "common/system/exit_status.h"
#include "pools/inquiry.h"
#include "pools/pool_listing.h"
#include "subcommand.h"

namespace idetcd::tool {
namespace {

int list(const app::GivenFlags& given, ListFormat format) {
  const Inquiry inquiry = open_inquiry(given);
  const auto pools = read_pools(inquiry);
  print_pools(pools, format, inquiry.told && pools.size() == 1);
  return app::kExitOk;
}

}  // namespace

void add_ls(CLI::App& program, Run& run) {
  CLI::App* command = program.add_subcommand(
      "ls",
      "List the names with their owners, and the nodes that wait for a name: of the pools that flags, environment\n"
      "or Corefile name, else of every pool whose nodes are found in etcd.");
  const auto given = std::make_shared<app::GivenFlags>();
  const auto format = std::make_shared<ListFormat>(ListFormat::kTable);
  const std::map<std::string, ListFormat> formats{{"table", ListFormat::kTable}, {"wide", ListFormat::kWide},
                                                  {"json", ListFormat::kJson},   {"jsonl", ListFormat::kJsonLines},
                                                  {"name", ListFormat::kNames},  {"hosts", ListFormat::kHosts}};
  command
      ->add_option("-o,--output", *format,
                   "table, wide, json, jsonl (a line for each name), name or hosts (as hosts(5)); default table")
      ->type_name("FORMAT")
      ->transform(CLI::CheckedTransformer(formats));
  using enum app::SettingGroup;
  app::add_flags(*command, {kEtcd, kPool, kLog}, *given);
  command->callback([given, format, &run] { run = [given, format] { return list(*given, *format); }; });
}

}  // namespace idetcd::tool
