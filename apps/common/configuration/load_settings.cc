#include "common/configuration/load_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>

#include "common/corefile/imports.h"
#include "common/directives/corefile.h"
#include "common/directives/server_directives.h"
#include "common/settings/forward_loops.h"
#include "common/settings/pool_sources.h"
#include "common/settings/setting_checks.h"
#include "common/system/exit_status.h"
#include "common/values/suggestion.h"

namespace idetcd::app {
namespace {

constexpr std::string_view kDefaultFile = "Corefile";

// A setting's two names, of flag and directive, are both accepted everywhere.
const SettingSpec& find_option(const corefile::Line& setting) {
  std::vector<std::string_view> known;
  for (const SettingSpec& spec : all_settings()) {
    if (spec.directive == setting.name || spec.name == setting.name) return spec;
    known.push_back(spec.directive);
  }
  const std::string suggestion = did_you_mean(setting.name, known);
  refuse({setting.place(), true}, fmt::format("unknown directive \"{}\"{}known in an idetcd block: {}", setting.name,
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

void check_arguments(const SettingSpec& spec, const corefile::Line& setting, const Origin& origin) {
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
  auto text = corefile::read_text_file(path);
  if (!text) throw Exit(kExitConfig, fmt::format("{}: cannot be read: {}", path, text.error().message));
  return std::move(*text);
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

using Problems = std::vector<std::string>;

// What `act` throws is noted, so that all problems of a file are told at once.
template <class Act>
void note(Problems& problems, Act act) {
  try {
    act();
  } catch (const Exit& exit) {
    problems.emplace_back(exit.what());
  }
}

Assignment read_option(const corefile::Line& line, const SettingSource& before) {
  const SettingSpec& spec = find_option(line);
  Origin origin{fmt::format("{}: {}", line.place(), line.name), true};
  const auto twin = std::ranges::find(before, &spec, &Assignment::spec);
  if (twin != before.end() && !repeats(spec)) {
    refuse(origin, fmt::format("is given twice (first at {}){}", twin->origin.place,
                               spec.split ? "; each pattern needs an idetcd block of its own" : ""));
  }
  check_arguments(spec, line, origin);
  return {&spec, line.arguments, std::move(origin)};
}

// Values are tried on a copy of `settings`, which is where they are set later.
SettingSource read_block(const corefile::Statement& block, Settings settings, Problems& problems) {
  SettingSource source;
  for (const corefile::Line& line : block.block) {
    note(problems, [&] {
      source.push_back(read_option(line, source));
      assign(settings, settings.pools.front(), std::span(&source.back(), 1));
    });
  }
  return source;
}

// The port that all server keys have: then listen addresses without one have it too.
std::optional<std::uint16_t> common_port(const Corefile& corefile, std::uint16_t default_port) {
  std::optional<std::uint16_t> port;
  for (const CorefileServer& server : corefile.servers) {
    for (const corefile::ServerKey& key : server.keys) {
      const std::uint16_t now = key.port.value_or(default_port);
      if (port && *port != now) return std::nullopt;
      port = now;
    }
  }
  return port;
}

// The idetcd blocks of a file, and the server block of each.
struct FilePools {
  std::vector<SettingSource> blocks;
  std::vector<std::size_t> servers;
};

FilePools read_pools(const Corefile& corefile, const Settings& settings, Problems& problems) {
  FilePools pools;
  for (std::size_t server = 0; server < corefile.servers.size(); ++server) {
    for (const corefile::Statement& statement : corefile.servers[server].directives) {
      if (statement.head.name != "idetcd") continue;
      pools.blocks.push_back(read_block(statement, settings, problems));
      pools.servers.push_back(server);
    }
  }
  return pools;
}

std::size_t fingerprint_of(const Corefile& corefile) {
  std::string words;
  const auto add = [&](std::string_view word) { words.append(word).push_back('\0'); };
  const auto add_line = [&](const corefile::Line& line) {
    add(line.name);
    for (const std::string& word : line.arguments) add(word);
    add("\n");
  };
  for (const CorefileServer& server : corefile.servers) {
    for (const corefile::ServerKey& key : server.keys) add(fmt::format("{}:{}", key.zone, key.port.value_or(0)));
    for (const corefile::Statement& statement : server.directives) {
      add_line(statement.head);
      for (const corefile::Line& line : statement.block) add_line(line);
    }
  }
  return std::hash<std::string>()(words);
}

FilePools read_blocks(Settings& settings, std::string_view text, std::string_view file,
                      const Environment& environment) {
  const auto corefile = parse_corefile(text, file, environment);
  if (!corefile) throw Exit(kExitConfig, corefile.error().message);
  settings.port = common_port(*corefile, settings.port).value_or(settings.port);
  Problems problems;
  auto directives = read_server_directives(*corefile);
  if (!directives) problems.push_back(directives.error().message);
  FilePools pools = read_pools(*corefile, settings, problems);
  if (!problems.empty()) throw Exit(kExitConfig, fmt::format("{}", fmt::join(problems, "\n")));
  settings.servers = std::move(directives->servers);
  settings.http = std::move(directives->http);
  settings.lameduck = directives->lameduck;
  settings.reload = directives->reload;
  settings.fingerprint = fingerprint_of(*corefile);
  settings.warnings = std::move(directives->warnings);
  if (directives->debug) settings.log_level = LogLevel::kDebug;
  return pools;
}

// Once all sources are known.
void place(Settings& settings) {
  const bool bound = std::ranges::any_of(settings.servers, [](const auto& server) { return !server.bind.empty(); });
  if (bound && !settings.listen.empty() && settings.origin("listen").in_file)
    refuse(settings.origin("listen"), "contradicts bind; use one of the two");
  if (auto placed = place_servers(settings.servers, settings.listen, settings.port); !placed)
    throw Exit(kExitConfig, placed.error().message);
  if (auto apart = remove_own_upstreams(settings.servers, settings.warnings); !apart)
    throw Exit(kExitConfig, apart.error().message);
}

}  // namespace

void apply_corefile(Settings& settings, std::string_view text, std::string_view file, const Environment& environment) {
  const FilePools pools = read_blocks(settings, text, file, environment);
  apply_sources(settings, pools.blocks, {}, {}, pools.servers);
  place(settings);
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
  settings.port = given.dns_port.value_or(settings.port);
  FilePools pools;
  if (!path.empty()) pools = read_blocks(settings, read_file(path), path, environment);
  settings.corefile = path;

  apply_sources(settings, pools.blocks, read_environment(environment), given.settings, pools.servers);
  place(settings);
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
