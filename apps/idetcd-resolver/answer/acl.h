// Acl: which queries are answered, as the answer path asks it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/values/acl.h"
#include "common/values/networks.h"
#include "wire/wire_name.h"

namespace idetcd::resolver {

// Immutable; any thread may read it.
class Acl {
 public:
  Acl() = default;
  explicit Acl(std::span<const app::AclRule> rules);

  bool empty() const noexcept { return rules_.empty(); }

  // What the first policy that fits does; kAllow if none does. Allocates nothing. `name` is in lower
  // case; `client`: IPv4 as IPv4-mapped IPv6.
  app::AclAction decide(WireName name, std::uint16_t type, const Ipv6& client) const noexcept;

 private:
  struct Policy {
    app::AclAction action = app::AclAction::kAllow;
    std::vector<std::uint16_t> types{};  // empty: all
    app::NetworkList networks{};         // empty: all

    bool fits(std::uint16_t type, const Ipv6& client) const noexcept;
  };
  struct Rule {
    std::vector<Bytes> zones{};
    std::vector<Policy> policies{};
  };

  std::vector<Rule> rules_;
};

}  // namespace idetcd::resolver
