// ZoneLayout: the checked configuration of a ZoneBuilder, names in wire format.
#pragma once

#include <idetcd/pattern_template.h>
#include <idetcd/result.h>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "encode/zone_builder.h"
#include "wire/wire_name.h"

namespace idetcd::resolver {

struct ZoneLayout {
  struct Pool {
    PatternTemplate pattern;
    std::size_t zone = 0;  // index into apexes
    std::optional<Bytes> pool_name{};
  };

  std::vector<Pool> pools{};
  std::vector<Bytes> apexes{};   // longest first, each once
  std::vector<Bytes> reverse{};  // those of them that hold PTR records

  // Whether PTR records for `name` are kept.
  bool keeps_reverse(WireName name) const noexcept;
};

// See ZoneBuilder::create.
Result<ZoneLayout> make_layout(const ZoneOptions& options);

// A name that both patterns render, if there is one.
std::optional<std::string> common_name(const PatternTemplate& left, const PatternTemplate& right);

// The first label of every zone's one name server.
inline constexpr std::string_view kNameserverLabel = "ns";

}  // namespace idetcd::resolver
