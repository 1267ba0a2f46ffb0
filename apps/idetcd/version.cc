// idetcd version: for people and for scripts.
#include <fmt/format.h>
#include <idetcd/version.h>
#include <CLI/CLI.hpp>

#include <memory>
#include <nlohmann/json.hpp>

#include "common/system/exit_status.h"
#include "output_option.h"
#include "pools/name_text.h"
#include "subcommand.h"

namespace idetcd::tool {
namespace {

int print_version(bool as_json) {
  if (as_json) {
    fmt::print("{}", dump({{"version", IDETCD_VERSION}, {"etcd_api", "v3"}}, 2));
  } else {
    fmt::print("idetcd {} (etcd API v3)\n", IDETCD_VERSION);
  }
  return app::kExitOk;
}

}  // namespace

void add_version(CLI::App& program, Run& run) {
  CLI::App* command = program.add_subcommand("version", "Print the version.");
  const auto json = std::make_shared<bool>(false);
  add_output(*command, *json);
  command->callback([json, &run] { run = [json] { return print_version(*json); }; });
}

}  // namespace idetcd::tool
