// Ways for many nodes at once to take a name each: ours, and what others do. The
// baselines are bench code, not the library's.
#pragma once

#include <idetcd/idetcd.h>

#include "support/counting_etcd.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace idetcd::testing {

struct Claimed {
  SlotId slot = 0;  // 0: none
  std::uint64_t requests = 0;
  std::optional<Claim> claim{};
};

struct Contest {
  std::shared_ptr<Etcd> etcd;
  PatternTemplate pattern;
  std::string path;

  std::string key(SlotId slot) const { return path + std::string(pattern.render(slot)); }
};

// Blocks until it has a slot or finds none. `number` is the claimant's.
using Strategy = std::function<Claimed(const Contest&, CountingEtcd& counted, int number)>;

struct NamedStrategy {
  std::string name;
  Strategy strategy;
};

// "floor" first, which the others are measured against, then "ours".
std::vector<NamedStrategy> all_strategies();

extern const CallOptions kPatient;  // for bench traffic that must not fail

}  // namespace idetcd::testing
