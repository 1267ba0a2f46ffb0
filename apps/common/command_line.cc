// The only file that sees CLI11 in full: it is slow to compile.
#include "command_line.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>

#include "exit_status.h"

namespace idetcd::app {
namespace {

std::string_view heading(SettingGroup group) {
  switch (group) {
    case SettingGroup::kEtcd: return "etcd";
    case SettingGroup::kPool: return "The pool";
    case SettingGroup::kClaim: return "This node";
    case SettingGroup::kServe: return "DNS";
    case SettingGroup::kLog: return "Log";
  }
  return "";
}

void add_setting(CLI::App& app, const SettingSpec& spec, GivenFlags& given) {
  const std::string flag = fmt::format("--{}", spec.name);
  const auto keep = [&given, &spec, flag](const std::vector<std::string>& values) {
    if (!spec.split) return given.settings.push_back({&spec, values, {flag, false}});
    for (const std::string& value : values) given.settings.push_back({&spec, {value}, {flag, false}});
  };
  CLI::Option* option = app.add_option_function<std::vector<std::string>>(flag, keep, std::string(spec.help));
  // A list may be given by repeating the flag; of anything else the last one counts.
  const bool list = spec.max_arguments > 1 || spec.split != nullptr;
  option->type_name(std::string(spec.value))
      ->type_size(1)
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(list ? CLI::MultiOptionPolicy::TakeAll : CLI::MultiOptionPolicy::TakeLast)
      ->group(std::string(heading(spec.group)));
}

}  // namespace

void add_flags(CLI::App& app, std::initializer_list<SettingGroup> groups, GivenFlags& given) {
  app.add_option("--conf", given.conf, "Corefile to read; default ./Corefile if there is one")->type_name("FILE");
  for (const SettingSpec& spec : all_settings()) {
    if (spec.where == SettingSpec::Where::kOnlyInFile) continue;
    if (std::ranges::find(groups, spec.group) == groups.end()) continue;
    add_setting(app, spec, given);
  }
}

bool parse_command_line(CLI::App& app, int argc, const char* const* argv) {
  try {
    app.parse(argc, argv);
    return true;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      app.exit(error, std::cout, std::cerr);
      return false;
    }
    throw Exit(kExitUsage, fmt::format("{}; see --help", error.what()));
  }
}

}  // namespace idetcd::app
