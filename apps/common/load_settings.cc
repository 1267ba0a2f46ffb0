#include "load_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "corefile.h"
#include "exit_status.h"
#include "pool_sources.h"
#include "setting_checks.h"
#include "suggestion.h"

namespace idetcd::app {
namespace {

constexpr std::string_view kDefaultFile = "Corefile";

// A setting's two names, of flag and directive, are both accepted everywhere.
const SettingSpec& find_directive(const CorefileSetting& setting, std::string_view file) {
  std::vector<std::string_view> known;
  for (const SettingSpec& spec : all_settings()) {
    if (spec.directive == setting.name || spec.name == setting.name) return spec;
    known.push_back(spec.directive);
  }
  const std::string suggestion = did_you_mean(setting.name, known);
  refuse({fmt::format("{}:{}", file, setting.line), true},
         fmt::format("unknown directive \"{}\"{}known in an idetcd block: {}", setting.name,
                     suggestion.empty() ? "; " : suggestion + " ", fmt::join(known, " ")));
}

std::string join(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) all += fmt::format("{}{}", all.empty() ? "" : " ", word);
  return all;
}

// "PATTERN[=N]" is two words in a file: "PATTERN [N]".
std::string value_in_file(const SettingSpec& spec) {
  std::string value(spec.value);
  const auto equals = value.find('=');
  if (spec.max_arguments != 2 || equals == std::string::npos) return value;
  const bool optional = equals > 0 && value[equals - 1] == '[';
  return optional ? value.replace(equals - 1, 2, " [") : value.replace(equals, 1, " ");
}

void check_arguments(const SettingSpec& spec, const CorefileSetting& setting, const Origin& origin) {
  const int count = static_cast<int>(setting.arguments.size());
  if (count < spec.min_arguments) {
    refuse(origin, fmt::format("an argument is missing; write `{} {}`", spec.directive, value_in_file(spec)));
  }
  if (count > spec.max_arguments && spec.secret) {
    refuse(origin, fmt::format("{} arguments, at most {} expected; write `{} {}`", count, spec.max_arguments,
                               spec.directive, value_in_file(spec)));
  }
  if (count > spec.max_arguments) {
    const std::string text = join(setting.arguments);
    const bool torn = text.find("{{") != std::string::npos;
    refuse(origin, fmt::format("{} arguments, at most {} expected; {}", count, spec.max_arguments,
                               torn ? fmt::format("quote a value that contains spaces, e.g. \"{}\"", text)
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
               fmt::format("{}: cannot be read: {}", path,
                           std::filesystem::is_directory(path) ? "it is a directory" : std::strerror(reason)));
  }
  return std::move(text).str();
}

constexpr std::size_t kMaxPassword = 4096;

// The first line of the file.
void read_password_file(Settings& settings) {
  if (settings.password_file.empty()) return;
  const Origin origin = settings.origin("password-file");
  errno = 0;
  std::ifstream file(settings.password_file, std::ios::binary);
  if (!std::getline(file, settings.password) || settings.password.size() > kMaxPassword) {
    const int reason = errno;
    settings.password.clear();
    const std::string why = reason != 0 ? std::strerror(reason) : "expected one line with the password";
    refuse(origin, fmt::format("\"{}\": {}", settings.password_file, why));
  }
  if (settings.password.ends_with('\r')) settings.password.pop_back();
  if (settings.password.empty()) refuse(origin, fmt::format("\"{}\": its first line is empty", settings.password_file));
}

std::string variable_of(std::string_view prefix, std::string_view setting) {
  std::string name(prefix);
  for (const char c : setting) name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

// Those that etcdctl reads from ETCDCTL_*, with the same values.
constexpr std::array<std::string_view, 6> kOfEtcdctl{"endpoints", "user", "password", "cacert", "cert", "key"};

// What `idetcd exec` tells its command, and the file's name.
constexpr std::array<std::string_view, 7> kOtherVariables{"CONF", "NAME", "SLOT", "TOKEN", "LEASE", "NODE", "ADDRESS"};

// An empty variable counts as not set, as is usual.
std::optional<std::string> read_variable(const Environment& environment, const std::string& name) {
  auto value = environment(name);
  if (value && value->empty()) value.reset();
  return value;
}

// False: the variable is not set.
bool read_from(const Environment& environment, const SettingSpec& spec, const std::string& name, SettingSource& found) {
  const auto value = read_variable(environment, name);
  if (!value) return false;
  const auto values = spec.split ? spec.split(*value) : std::vector<std::string>{*value};
  for (const std::string& each : values) found.push_back({&spec, {each}, {name, false}});
  return true;
}

SettingSource read_environment(const Environment& environment) {
  SettingSource found;
  for (const SettingSpec& spec : all_settings()) {  // first, so that ours override them
    if (std::ranges::find(kOfEtcdctl, spec.name) != kOfEtcdctl.end())
      read_from(environment, spec, variable_of("ETCDCTL_", spec.name), found);
  }
  for (const SettingSpec& spec : all_settings()) {
    if (spec.where == SettingSpec::Where::kOnlyInFile) continue;
    if (!read_from(environment, spec, variable_of("IDETCD_", spec.name), found) && spec.directive != spec.name)
      read_from(environment, spec, variable_of("IDETCD_", spec.directive), found);
  }
  return found;
}

// Whether one block may give it several times; a pattern begins a block of its own.
bool repeats(const SettingSpec& spec) {
  return spec.split != nullptr && spec.name != "pattern";
}

SettingSource read_block(const CorefileBlock& block, std::string_view file) {
  SettingSource source;
  for (const CorefileSetting& setting : block) {
    const SettingSpec& spec = find_directive(setting, file);
    Origin origin{fmt::format("{}:{}: {}", file, setting.line, setting.name), true};
    const auto twin = std::ranges::find(source, &spec, &Assignment::spec);
    if (twin != source.end() && !repeats(spec)) {
      refuse(origin, fmt::format("is given twice (first at {}){}", twin->origin.place,
                                 spec.split ? "; each pattern needs an idetcd block of its own" : ""));
    }
    check_arguments(spec, setting, origin);
    source.push_back({&spec, setting.arguments, std::move(origin)});
  }
  return source;
}

std::vector<SettingSource> read_blocks(Settings& settings, std::string_view text, std::string_view file) {
  const auto corefile = parse_corefile(text, file);
  if (!corefile) throw Exit(kExitConfig, corefile.error().message);
  if (corefile->port) settings.port = *corefile->port;
  std::vector<SettingSource> blocks;
  for (const CorefileBlock& block : corefile->blocks) blocks.push_back(read_block(block, file));
  return blocks;
}

}  // namespace

void apply_corefile(Settings& settings, std::string_view text, std::string_view file) {
  apply_sources(settings, read_blocks(settings, text, file), {}, {});
}

std::vector<std::string> unknown_variables(std::span<const std::string> environment) {
  constexpr std::string_view kPrefix = "IDETCD_";
  std::vector<std::string> names;
  for (const SettingSpec& spec : all_settings()) {
    if (spec.where == SettingSpec::Where::kOnlyInFile) continue;
    for (const std::string_view name : {spec.name, spec.directive}) names.push_back(variable_of(kPrefix, name));
  }
  for (const std::string_view name : kOtherVariables) names.push_back(variable_of(kPrefix, name));
  const std::vector<std::string_view> known(names.begin(), names.end());

  std::vector<std::string> warnings;
  for (const std::string_view entry : environment) {
    const std::string_view name = entry.substr(0, entry.find('='));
    if (!name.starts_with(kPrefix) || std::ranges::find(known, name) != known.end()) continue;
    warnings.push_back(
        fmt::format("the environment's {} is not a setting and has no effect{}", name, did_you_mean(name, known)));
  }
  return warnings;
}

Settings load_settings(const GivenFlags& given, const Environment& environment) {
  Settings settings;
  std::string path = given.conf;
  if (path.empty()) path = read_variable(environment, "IDETCD_CONF").value_or("");
  std::error_code ignored;
  if (path.empty() && std::filesystem::exists(kDefaultFile, ignored)) path = kDefaultFile;
  std::vector<SettingSource> blocks;
  if (!path.empty()) blocks = read_blocks(settings, read_file(path), path);
  settings.corefile = path;

  apply_sources(settings, blocks, read_environment(environment), given.settings);
  read_password_file(settings);
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
