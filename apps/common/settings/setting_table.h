// The table of all settings. A flag, the environment and a Corefile give the same
// settings, so there is one table for the three of them.
#pragma once

#include <idetcd/result.h>

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/settings/settings.h"

namespace idetcd::app {

enum class SettingGroup { kEtcd, kPool, kClaim, kServe, kProcess, kLog };

struct SettingSpec {
  enum class Where { kEverywhere, kOnlyInFile };

  std::string_view name;       // of the flag; IDETCD_NAME in the environment
  std::string_view directive;  // in a Corefile
  SettingGroup group;
  Where where;
  int min_arguments;  // of the directive; a flag has one
  int max_arguments;
  std::string_view value;  // what --help calls its value
  std::string_view help;

  // An Error's message says what is wrong with the value and what to write instead; the
  // target is then unchanged.
  using Arguments = std::span<const std::string>;
  using SetForServer = Status (*)(Settings&, Arguments);
  using SetForPool = Status (*)(PoolSettings&, Arguments);
  std::variant<SetForServer, SetForPool> apply;

  // Null: a source gives it once. Else a source may give it several times, and each adds
  // one more (to none: `apply` without arguments); this splits an environment variable
  // that has several.
  std::vector<std::string> (*split)(std::string_view) = nullptr;
  bool names_pool = false;  // adds a pool, to which the source's other settings apply
  bool secret = false;      // its value has a password in it, and must not be printed

  bool of_pool() const { return std::holds_alternative<SetForPool>(apply); }
};

std::span<const SettingSpec> all_settings();

}  // namespace idetcd::app
