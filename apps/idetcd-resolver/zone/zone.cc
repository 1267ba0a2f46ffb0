#include "zone/zone.h"

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
  for (const Zone& cut : *zones_) {
    if (cut.apex.size() > name.size()) continue;
    const std::size_t offset = name.size() - cut.apex.size();
    if (std::memcmp(name.data() + offset, cut.apex.data(), cut.apex.size()) == 0 && starts_label(name, offset))
      return &cut;
  }
  return nullptr;
}

}  // namespace idetcd::resolver
