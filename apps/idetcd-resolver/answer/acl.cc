#include "answer/acl.h"

#include <algorithm>
#include <utility>

namespace idetcd::resolver {

Acl::Acl(std::span<const app::AclRule> rules) {
  for (const app::AclRule& from : rules) {
    Rule rule;
    for (const std::string& zone : from.zones) {
      if (auto wire = to_wire(zone)) rule.zones.push_back(std::move(*wire));
    }
    for (const app::AclPolicy& policy : from.policies)
      rule.policies.push_back({policy.action, policy.types, app::NetworkList(policy.networks)});
    rules_.push_back(std::move(rule));
  }
}

bool Acl::Policy::fits(std::uint16_t type, const Ipv6& client) const noexcept {
  if (!types.empty() && std::ranges::find(types, type) == types.end()) return false;
  return networks.empty() || networks.contains(client);
}

app::AclAction Acl::decide(WireName name, std::uint16_t type, const Ipv6& client) const noexcept {
  for (const Rule& rule : rules_) {
    if (std::ranges::none_of(rule.zones, [&](const Bytes& zone) { return lies_in(name, zone); })) continue;
    const auto policy =
        std::ranges::find_if(rule.policies, [&](const Policy& each) { return each.fits(type, client); });
    if (policy != rule.policies.end()) return policy->action;
  }
  return app::AclAction::kAllow;
}

}  // namespace idetcd::resolver
