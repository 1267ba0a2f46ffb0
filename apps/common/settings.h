// Settings: everything a program of ours can be told, and the table of how.
//
// A value comes from a flag, the environment or a Corefile. All three speak of the
// same settings, so there is one table; a source is a list of Assignments.
#pragma once

#include <idetcd/etcd.h>
#include <idetcd/log.h>
#include <idetcd/slot_claimer.h>

#include "values.h"

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace idetcd::app {

enum class OnLostPolicy {
  kReclaim,    // claim again
  kExit,       // end the program
  kServeOnly,  // go on without a name
};

// Where a value was set, as a person would look for it.
struct Origin {
  std::string place;  // "--limit", "IDETCD_LIMIT", "Corefile:4: limit"
  bool in_file = false;
};

// By setting; what was left at its default is not in it.
using Origins = std::map<std::string, Origin, std::less<>>;

// One pool: its names, and this node's claim in it.
struct PoolSettings {
  std::string pattern;
  SlotId limit = 10;
  std::string path;
  std::string pool_name;  // answers with all members; empty: none
  bool claim = true;      // false: only its names are served

  std::chrono::seconds ttl{20};
  std::vector<IpAddress> advertise;          // empty: chosen from the machine's addresses
  std::string interface;                     // only the addresses of this one
  std::vector<Network> cidr;                 // only addresses in these
  std::map<std::string, std::uint16_t> srv;  // named ports, for SRV
  std::map<std::string, std::string> meta;   // free text, for TXT
  OnFull on_full = OnFull::kFail;
  std::chrono::seconds max_wait{0};  // with OnFull::kWait; 0: as long as it takes
  OnLostPolicy on_lost = OnLostPolicy::kReclaim;
  std::chrono::seconds sticky{0};
  std::string node_id;
  std::filesystem::path state_dir;

  Origins origins;

  // Where `setting` was set; "--SETTING" if nowhere.
  Origin origin(std::string_view setting) const;
};

// What belongs to the process, and its pools.
struct Settings {
  // etcd
  std::vector<std::string> endpoints{"http://localhost:2379"};
  std::string user;
  std::string password;
  TlsOptions tls;

  // the DNS server
  std::vector<HostPort> listen;  // empty: every address, `port`
  std::uint16_t port = 53;       // of listen addresses that say none
  std::optional<std::chrono::seconds> dns_ttl;
  std::optional<std::chrono::seconds> max_stale;  // none: whatever it takes
  std::optional<HostPort> metrics;                // none: not served
  std::vector<std::string> reverse;               // zones for PTR
  std::vector<std::string> allow;                 // networks that may ask; empty: all
  std::vector<std::string> deny;                  // wins over allow
  std::string nsid;                               // RFC 5001, and CH TXT id.server; empty: not told
  std::string server_version;                     // CH TXT version.bind; empty: ours; "none": not told
  unsigned workers = 0;                           // threads that answer UDP; 0: one for each core

  LogLevel log_level = LogLevel::kInfo;

  Origins origins;

  // At least one; without a pattern if none was set.
  std::vector<PoolSettings> pools{PoolSettings{}};

  // As PoolSettings::origin.
  Origin origin(std::string_view setting) const;
};

enum class SettingGroup { kEtcd, kPool, kClaim, kServe, kLog };

struct SettingSpec {
  enum class Where { kEverywhere, kOnlyInFile, kNotInFile };

  std::string_view name;       // of the flag; IDETCD_NAME in the environment
  std::string_view directive;  // in a Corefile
  SettingGroup group;
  Where where;
  int min_arguments;  // of the directive; a flag has one
  int max_arguments;
  std::string_view value;  // what --help calls its value
  std::string_view help;

  using Arguments = std::span<const std::string>;
  using SetForServer = Status (*)(Settings&, Arguments);
  using SetForPool = Status (*)(PoolSettings&, Arguments);
  std::variant<SetForServer, SetForPool> apply;

  // Null: a source says it once. Else every time that it says it adds one more (to
  // none: `apply` without arguments), and this tells the several in an environment
  // variable apart.
  std::vector<std::string> (*split)(std::string_view) = nullptr;
  bool names_pool = false;  // and so adds a pool, for which the source's other settings count

  bool of_pool() const { return std::holds_alternative<SetForPool>(apply); }
};

std::span<const SettingSpec> all_settings();

// One setting said at one place.
struct Assignment {
  const SettingSpec* spec = nullptr;
  std::vector<std::string> arguments;
  Origin origin;
};

// Throws Exit (exit_status.h) with "PLACE: MESSAGE".
[[noreturn]] void refuse(const Origin& origin, std::string_view message);

// What belongs to the process is set in `settings`, the rest in `pool`: all that one
// source says, which replaces what an earlier one said of the same settings. In order;
// a later assignment replaces an earlier one. Throws as refuse().
void assign(Settings& settings, PoolSettings& pool, std::span<const Assignment> assignments);

// What can only be seen with all values known. Throws as refuse().
void check_settings(const Settings& settings);

// For programs that know one pool only: the one that a name is claimed in. Throws Exit
// if there are several.
const PoolSettings& only_pool(const Settings& settings);

// The pool's pattern with its limit. Throws as refuse().
PatternTemplate parse_pattern(const PoolSettings& pool);

}  // namespace idetcd::app
