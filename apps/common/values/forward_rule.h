// ForwardRule, CacheRule: where questions for other names go, and how long their answers are
// kept, as the forward and cache directives of CoreDNS have it.
#pragma once

#include <idetcd/network.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace idetcd::app {

// Another DNS server.
struct Upstream {
  IpAddress ip;
  std::uint16_t port = 53;
  bool tls = false;

  bool operator==(const Upstream&) const = default;
};

struct ForwardRule {
  std::string place{};                // "Corefile:3: forward"
  std::string zone{};                 // the names: lower case, with the trailing dot
  std::vector<Upstream> upstreams{};  // at least one
  bool from_file = false;             // of a resolv.conf: its own address among them is no mistake
  std::vector<std::string> except{};  // zones below it that are not forwarded
  bool force_tcp = false;
  std::string tls_name{};          // that the certificates of TLS upstreams must have; empty: their addresses
  std::string ca_file{};           // that vouches for them; empty: the system's
  std::size_t max_concurrent = 0;  // questions without an answer yet; 0: kMaxConcurrent

  bool operator==(const ForwardRule&) const = default;
};

inline constexpr std::size_t kMaxConcurrent = 4096;

struct CacheRule {
  std::vector<std::string> zones{};  // whose answers are kept
  std::chrono::seconds max_ttl{3600};
  std::chrono::seconds min_ttl{0};
  std::chrono::seconds max_negative_ttl{1800};
  std::size_t entries = 9984;                         // as CoreDNS; about that many
  std::optional<std::chrono::seconds> serve_stale{};  // answers that are older than their TTL by so much
  bool stale_at_once = true;                          // or only once the upstream was asked in vain

  bool operator==(const CacheRule&) const = default;
};

}  // namespace idetcd::app
