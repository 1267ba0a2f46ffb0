// Acl: who may ask what, as the acl directive of CoreDNS has it. The text of it; the answer path has its own form.
#pragma once

#include <idetcd/network.h>

#include <cstdint>
#include <string>
#include <vector>

namespace idetcd::app {

enum class AclAction : std::uint8_t {
  kAllow,
  kBlock,   // REFUSED
  kFilter,  // NOERROR, without records
  kDrop,    // no answer
};

// The first policy that has both the question's type and the client's address decides.
struct AclPolicy {
  AclAction action = AclAction::kAllow;
  std::vector<std::uint16_t> types;  // empty: all
  std::vector<Network> networks;     // empty: all

  bool operator==(const AclPolicy&) const = default;
};

// For names in `zones`. Rules are tried in order until a policy of one decides; if none does,
// the query is allowed.
struct AclRule {
  std::vector<std::string> zones;  // lower case, with the trailing dot
  std::vector<AclPolicy> policies;

  bool operator==(const AclRule&) const = default;
};

}  // namespace idetcd::app
