#include "zone/zone_set.h"

#include <cstring>

namespace idetcd::resolver {
namespace {

bool starts_label(WireName name, std::size_t offset) noexcept {
  std::size_t at = 0;
  while (at < offset) at += std::to_integer<std::size_t>(name[at]) + 1;
  return at == offset;
}

}  // namespace

const Zone* ZoneSet::enclosing(WireName name) const noexcept {
  for (const Zone& zone : *zones_) {
    if (zone.apex.size() > name.size()) continue;
    const std::size_t offset = name.size() - zone.apex.size();
    if (std::memcmp(name.data() + offset, zone.apex.data(), zone.apex.size()) == 0 && starts_label(name, offset))
      return &zone;
  }
  return nullptr;
}

}  // namespace idetcd::resolver
