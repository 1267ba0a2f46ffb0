#include "options.h"

#include "corefile.h"
#include "exit_status.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace idetcd::app {
namespace {

constexpr std::string_view kDefaultFile = "Corefile";

const SettingSpec& find_directive(const CorefileSetting& setting, std::string_view file) {
  std::string known;
  for (const SettingSpec& spec : all_settings()) {
    if (spec.where == SettingSpec::Where::kNotInFile) continue;
    if (spec.directive == setting.name) return spec;
    known += fmt::format("{}{}", known.empty() ? "" : " ", spec.directive);
  }
  refuse({fmt::format("{}:{}", file, setting.line), true},
         fmt::format("unknown directive \"{}\"; known in an idetcd block: {}", setting.name, known));
}

std::string join(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) all += fmt::format("{}{}", all.empty() ? "" : " ", word);
  return all;
}

void check_arguments(const SettingSpec& spec, const CorefileSetting& setting, const Origin& origin) {
  const int count = static_cast<int>(setting.arguments.size());
  if (count < spec.min_arguments) {
    refuse(origin, fmt::format("an argument is missing; write `{} {}`", spec.directive, spec.value));
  }
  if (count > spec.max_arguments) {
    const std::string text = join(setting.arguments);
    const bool torn = text.find("{{") != std::string::npos;
    refuse(origin, fmt::format("{} arguments, at most {} expected; {}", count, spec.max_arguments,
                               torn ? fmt::format("write a value with blanks in quotes, as \"{}\"", text)
                                    : fmt::format("remove \"{}\"",
                                                  setting.arguments[static_cast<std::size_t>(spec.max_arguments)])));
  }
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || std::filesystem::is_directory(path) || !(text << file.rdbuf())) {
    const int reason = errno;
    throw Exit(kExitConfig,
               fmt::format("{}: can not be read: {}", path,
                           std::filesystem::is_directory(path) ? "it is a folder" : std::strerror(reason)));
  }
  return std::move(text).str();
}

std::string variable_of(std::string_view setting) {
  std::string name = "IDETCD_";
  for (const char c : setting) name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

// An empty variable counts as not set, as is usual.
std::optional<std::string> read_variable(const Environment& environment, const std::string& name) {
  auto value = environment(name);
  if (value && value->empty()) value.reset();
  return value;
}

std::vector<Assignment> read_environment(const Environment& environment) {
  std::vector<Assignment> found;
  for (const SettingSpec& spec : all_settings()) {
    if (spec.where == SettingSpec::Where::kOnlyInFile) continue;
    std::string name = variable_of(spec.name);
    auto value = read_variable(environment, name);
    if (!value && spec.name == "endpoints") value = read_variable(environment, name = "ETCDCTL_ENDPOINTS");
    if (value) found.push_back({&spec, {std::move(*value)}, {std::move(name), false}});
  }
  return found;
}

}  // namespace

void apply_corefile(Settings& settings, std::string_view text, std::string_view file) {
  const auto corefile = parse_corefile(text, file);
  if (!corefile) throw Exit(kExitConfig, corefile.error().message);
  if (corefile->port) settings.port = *corefile->port;

  std::vector<Assignment> assignments;
  for (const CorefileSetting& setting : corefile->settings) {
    const SettingSpec& spec = find_directive(setting, file);
    Origin origin{fmt::format("{}:{}: {}", file, setting.line, setting.name), true};
    const auto twin = std::ranges::find(assignments, &spec, &Assignment::spec);
    if (twin != assignments.end()) refuse(origin, fmt::format("said twice (before that at {})", twin->origin.place));
    check_arguments(spec, setting, origin);
    assignments.push_back({&spec, setting.arguments, std::move(origin)});
  }
  assign(settings, settings.pools.front(), assignments);
}

Settings load_settings(const GivenFlags& given, const Environment& environment) {
  Settings settings;
  std::string path = given.conf;
  if (path.empty()) path = read_variable(environment, "IDETCD_CONF").value_or("");
  std::error_code ignored;
  if (path.empty() && std::filesystem::exists(kDefaultFile, ignored)) path = kDefaultFile;
  if (!path.empty()) apply_corefile(settings, read_file(path), path);

  assign(settings, settings.pools.front(), read_environment(environment));
  assign(settings, settings.pools.front(), given.settings);
  check_settings(settings);
  return settings;
}

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return value;
  };
}

}  // namespace idetcd::app
