#include "common/directives/directive_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "common/values/suggestion.h"

namespace idetcd::app {
namespace {

using enum DirectiveSpec::Role;

constexpr std::string_view kOtherNames =
    "this server answers only for the names of idetcd; other zones are served elsewhere, and may be reached with "
    "forward";
constexpr std::string_view kOneTransport = "this server speaks plain DNS over UDP and TCP only";
constexpr std::string_view kNoDnssec = "this server neither signs nor checks; sign in a server that fetches from here";
constexpr std::string_view kAsAsked = "this server answers what it was asked, unchanged";

// In the order of CoreDNS.
constexpr DirectiveSpec kDirectives[] = {
    {"idetcd", kWorks, {}, true},
    {"root", kNoEffect, "no other directive here has a relative path; write paths in full"},
    {"metadata", kNoEffect, "no directive here has or reads metadata"},
    {"geoip", kNoEffect, "no directive here reads the metadata that it would add"},
    {"cancel", kWorks},
    {"tls", kRefused, kOneTransport},
    {"timeouts", kNoEffect, "connections have limits of their own: 10 s idle over TCP"},
    {"multisocket", kNoEffect, "there is a socket for each core anyway; see the option workers"},
    {"reload", kWorks},
    {"nsid", kWorks},
    {"bufsize", kWorks},
    {"bind", kWorks, {}, true},
    {"debug", kWorks},
    {"trace", kNoEffect, "queries are answered from memory, in one step"},
    {"ready", kWorks},
    {"health", kWorks},
    {"pprof", kNoEffect, "there is no Go runtime to profile; use perf"},
    {"prometheus", kWorks},
    {"errors", kWorks},
    {"log", kWorks, {}, true},
    {"dnstap", kNoEffect, "queries are not exported; see the directives log and prometheus"},
    {"local", kRefused, kOtherNames},
    {"dns64", kRefused, kAsAsked},
    {"acl", kWorks, {}, true},
    {"any", kWorks},
    {"chaos", kWorks},
    {"loadbalance", kWorks},
    {"tsig", kRefused, "queries are not authenticated here; restrict them by address, with acl"},
    {"cache", kWorks},
    {"rewrite", kRefused, kAsAsked},
    {"header", kRefused, kAsAsked},
    {"dnssec", kRefused, kNoDnssec},
    {"autopath", kRefused, kAsAsked},
    {"minimal", kNoEffect, "answers have no more than what was asked for already"},
    {"template", kRefused, kOtherNames},
    {"transfer", kRefused,
     "zone transfer is not built yet; until then run this server on every node that needs the names"},
    {"hosts", kRefused, kOtherNames},
    {"route53", kRefused, kOtherNames},
    {"azure", kRefused, kOtherNames},
    {"clouddns", kRefused, kOtherNames},
    {"k8s_external", kRefused, kOtherNames},
    {"kubernetes", kRefused, kOtherNames},
    {"nomad", kRefused, kOtherNames},
    {"file", kRefused, kOtherNames},
    {"auto", kRefused, kOtherNames},
    {"secondary", kRefused, kOtherNames},
    {"etcd", kRefused, kOtherNames},
    {"loop", kNoEffect, "every forward looks for a loop when it starts"},
    {"forward", kWorks, {}, true},
    {"grpc", kRefused, "an upstream is asked over UDP, TCP or TLS; write forward", true},
    {"erratic", kRefused, kAsAsked},
    {"whoami", kWorks},
    {"on", kNoEffect, "no events run a command here; see `idetcd exec`"},
    {"sign", kRefused, kNoDnssec},
    {"view", kRefused, "a server block here is chosen by port and zone only; restrict queries by address, with acl"},
};

}  // namespace

std::span<const DirectiveSpec> all_directives() {
  return kDirectives;
}

const DirectiveSpec* find_directive(std::string_view name) {
  const auto found = std::ranges::find(kDirectives, name, &DirectiveSpec::name);
  return found == std::ranges::end(kDirectives) ? nullptr : &*found;
}

std::string unknown_directive(std::string_view name) {
  std::vector<std::string_view> known;
  std::string works;
  for (const DirectiveSpec& spec : kDirectives) {
    known.push_back(spec.name);
    if (spec.role == kWorks) works += fmt::format(" {}", spec.name);
  }
  if (name.ends_with('{') && find_directive(name.substr(0, name.size() - 1)) != nullptr)
    return fmt::format("Unknown directive '{}'; put a space before the brace", name);
  const std::string suggestion = did_you_mean(name, known);
  return fmt::format("Unknown directive '{}'{}known in a server block:{}", name,
                     suggestion.empty() ? "; " : suggestion + " ", works);
}

}  // namespace idetcd::app
