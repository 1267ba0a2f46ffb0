// The only file that sees CLI11 in full: it is slow to compile.
#include "common/configuration/command_line.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstring>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "common/system/exit_status.h"
#include "common/values/suggestion.h"

namespace idetcd::app {
namespace {

std::string_view heading(SettingGroup group) {
  switch (group) {
    case SettingGroup::kEtcd: return "etcd";
    case SettingGroup::kPool: return "The pool";
    case SettingGroup::kClaim: return "This node";
    case SettingGroup::kServe: return "DNS";
    case SettingGroup::kProcess: return "The process";
    case SettingGroup::kLog: return "Log";
  }
  return "";
}

void add_setting(CLI::App& app, const SettingSpec& spec, GivenFlags& given) {
  const std::string flag = fmt::format("--{}", spec.name);
  const std::string names = spec.directive == spec.name ? flag : fmt::format("{},--{}", flag, spec.directive);
  const auto keep = [&given, &spec, flag](const std::vector<std::string>& values) {
    if (!spec.split) return given.settings.push_back({&spec, values, {flag, false}});
    for (const std::string& value : values) given.settings.push_back({&spec, {value}, {flag, false}});
  };
  CLI::Option* option = app.add_option_function<std::vector<std::string>>(names, keep, std::string(spec.help));
  // A list may be given by repeating the flag; of anything else the last one counts.
  const bool list = spec.max_arguments > 1 || spec.split != nullptr;
  option->type_name(std::string(spec.value))
      ->type_size(1)
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(list ? CLI::MultiOptionPolicy::TakeAll : CLI::MultiOptionPolicy::TakeLast)
      ->group(std::string(heading(spec.group)));
}

// The part of `value` that is secret: behind the colon of USER:PASSWORD, or all of a password.
char* secret_in(std::string_view flag, char* value) {
  if (flag == "--password") return value;
  char* const colon = std::strchr(value, ':');
  return colon != nullptr ? colon + 1 : nullptr;
}

// Whether there were any. Of an argument that is part of a command to run, our copy is changed.
bool erase_passwords(int argc, char** argv) {
  bool found = false;
  for (int i = 1; i < argc; ++i) {
    const std::string flag(argv[i], std::strcspn(argv[i], "="));
    if (flag != "--password" && flag != "--user") continue;
    char* value = argv[i] + flag.size();
    if (*value == '=')
      ++value;
    else if (++i < argc)
      value = argv[i];
    else
      break;
    if (char* const secret = secret_in(flag, value)) {
      std::memset(secret, '\0', std::strlen(secret));
      found = true;
    }
  }
  return found;
}

void add_names(const CLI::App& app, std::vector<std::string>& names) {
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
}

// For the first argument that was not expected, with the flags of the subcommand that was chosen.
std::string suggestion_for(const CLI::App& app) {
  std::vector<std::string> names;
  add_names(app, names);
  for (const CLI::App* chosen : app.get_subcommands()) add_names(*chosen, names);
  for (const CLI::App* each : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(each->get_name());
  const std::vector<std::string> unexpected = app.remaining(true);
  if (unexpected.empty()) return {};
  const std::string_view first = unexpected.front();
  return did_you_mean(first.substr(0, first.find('=')), std::vector<std::string_view>(names.begin(), names.end()));
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

bool parse_command_line(CLI::App& app, int argc, char** argv) {
  const std::vector<std::string> arguments(argv, argv + argc);
  std::vector<const char*> pointers;
  pointers.reserve(arguments.size());
  for (const std::string& argument : arguments) pointers.push_back(argument.c_str());
  const bool erased = erase_passwords(argc, argv);
  try {
    app.parse(argc, pointers.data());
    return true;
  } catch (const CLI::ExtrasError& error) {
    if (!erased) throw Exit(kExitUsage, fmt::format("{}{}; see --help", error.what(), suggestion_for(app)));
    // They may be the rest of a password.
    throw Exit(kExitUsage, "there are unexpected arguments; quote a value that contains spaces; see --help");
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      app.exit(error, std::cout, std::cerr);
      return false;
    }
    throw Exit(kExitUsage, fmt::format("{}; see --help", error.what()));
  }
}

}  // namespace idetcd::app
