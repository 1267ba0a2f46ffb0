#include "model/node_entry.h"

#include <nlohmann/json.hpp>

namespace idetcd::internal {

std::string to_json(const NodeEntry& entry) {
  return nlohmann::json{{"slot", entry.slot}, {"address", entry.address}}.dump(
      -1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::optional<NodeEntry> parse_node_entry(std::string_view json) {
  constexpr std::size_t kMaxBytes = 1024;
  if (json.size() > kMaxBytes) return std::nullopt;
  const auto parsed = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) return std::nullopt;
  const auto slot = parsed.find("slot");
  if (slot == parsed.end() || !slot->is_number_unsigned()) return std::nullopt;
  const auto number = slot->get<std::uint64_t>();
  if (number == 0 || number > kMaxLimit) return std::nullopt;
  NodeEntry entry{static_cast<SlotId>(number), {}};
  if (const auto address = parsed.find("address"); address != parsed.end() && address->is_string()) {
    entry.address = address->get<std::string>();
  }
  return entry;
}

}  // namespace idetcd::internal
