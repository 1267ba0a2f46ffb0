// Settings: everything that can be configured, as values.
#pragma once

#include <idetcd/etcd.h>
#include <idetcd/log.h>
#include <idetcd/network.h>
#include <idetcd/pattern_template.h>
#include <idetcd/slot_claimer.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/settings/server_settings.h"
#include "common/system/log.h"
#include "common/values/listen_address.h"

namespace idetcd::app {

enum class OnLostPolicy {
  kReclaim,    // claim again
  kExit,       // end the program
  kServeOnly,  // go on without a name
};

// When told to stop.
enum class OnStopPolicy {
  kRelease,  // give the name back
  kKeep,     // leave it to a successor, as long as its lease lives
};

// Where a value was set, as a person would look for it.
struct Origin {
  std::string place;  // "--limit", "IDETCD_LIMIT", "Corefile:4: limit"
  bool in_file = false;
};

// By setting; what was left at its default is not in it.
using Origins = std::map<std::string, Origin, std::less<>>;

// Settings of a Corefile, and what they set too: the settings of those names.
inline constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kSynonyms{
    {{"credentials", "user"},
     {"credentials", "password"},
     {"credentials", "password-file"},
     {"password-file", "password"},
     {"tls", "cacert"},
     {"tls", "cert"},
     {"tls", "key"}}};

// One pool: its names, and this node's claim in it.
struct PoolSettings {
  std::string pattern;
  SlotId limit = 10;
  std::string path;
  std::string pool_name;   // answers with all members; empty: none
  bool claim = true;       // false: only its names are served
  std::size_t server = 0;  // the server block that it belongs to: index into Settings::servers

  std::chrono::seconds ttl{20};
  std::vector<std::string> advertise;        // empty: chosen from the machine's addresses
  std::string interface;                     // only the addresses of this one
  std::vector<std::string> cidr;             // only addresses in these
  std::map<std::string, std::uint16_t> srv;  // named ports, for SRV
  std::map<std::string, std::string> meta;   // free text, for TXT
  OnFull on_full = OnFull::kFail;
  std::chrono::seconds max_wait{0};  // with OnFull::kWait; 0: no limit
  OnLostPolicy on_lost = OnLostPolicy::kReclaim;
  OnStopPolicy on_stop = OnStopPolicy::kRelease;  // kKeep: with state_dir
  std::chrono::seconds sticky{0};
  std::string node_id;
  std::filesystem::path state_dir;

  Origins origins;

  // Where `setting`, or a synonym, was set; "--SETTING" if nowhere.
  Origin origin(std::string_view setting) const;
};

// What belongs to the process, and its pools.
struct Settings {
  // etcd
  std::vector<std::string> endpoints{"http://localhost:2379"};
  std::string user;
  std::string password;
  std::string password_file;  // where `password` was read from; empty: it was given
  TlsOptions tls;

  // the DNS server
  std::vector<ListenAddress> listen;  // empty: every address, `port`
  std::uint16_t port = 53;            // of listen addresses and server keys without one
  std::optional<std::chrono::seconds> dns_ttl;
  std::optional<std::chrono::seconds> max_stale;  // none: no limit
  std::optional<ListenAddress> metrics;           // none: not served
  std::vector<std::string> reverse;               // zones for PTR
  std::vector<Network> allow;                     // networks that may ask; empty: all
  std::vector<Network> deny;                      // wins over allow
  std::string nsid;                               // RFC 5001, and CH TXT id.server; empty: not published
  std::string server_version;                     // CH TXT version.bind; empty: ours; "none": not published
  unsigned workers = 0;                           // threads that answer UDP; 0: one for each core

  // Of the Corefile's server blocks; at least one.
  std::vector<ServerSettings> servers{ServerSettings{}};
  std::vector<HttpEndpoint> http;         // beside `metrics`
  std::chrono::milliseconds lameduck{0};  // how long to go on serving when told to stop

  // Of the reload directive: how often the Corefile is looked at; 0: it is not.
  std::chrono::milliseconds reload{0};
  std::size_t fingerprint = 0;  // of the Corefile with its imports and variables; differs where any word does

  std::string run_as;                 // account of this machine; empty: stay
  std::string corefile;               // that was read; empty: none
  std::vector<std::string> warnings;  // of the Corefile, to be logged

  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kText;

  Origins origins;

  // At least one; without a pattern if none was set.
  std::vector<PoolSettings> pools{PoolSettings{}};

  // As PoolSettings::origin.
  Origin origin(std::string_view setting) const;
};

// Throws Exit (exit_status.h) with "PLACE: MESSAGE".
[[noreturn]] void refuse(const Origin& origin, std::string_view message);

// For programs that know one pool only: the one that a name is claimed in. Throws Exit
// if there are several.
const PoolSettings& only_pool(const Settings& settings);

// The pool's pattern with its limit. Throws as refuse().
PatternTemplate parse_pattern(const PoolSettings& pool);

}  // namespace idetcd::app
