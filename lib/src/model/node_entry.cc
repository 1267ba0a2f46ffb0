#include "model/node_entry.h"

#include <nlohmann/json.hpp>

namespace idetcd::internal {

namespace {

std::string text_of(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

}  // namespace

std::string to_json(const NodeEntry& entry) {
  nlohmann::json members{{"slot", entry.slot}, {"address", entry.address}};
  if (!entry.boot.empty()) members["boot"] = entry.boot;
  return members.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
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
  return NodeEntry{static_cast<SlotId>(number), text_of(parsed, "address"), text_of(parsed, "boot")};
}

}  // namespace idetcd::internal
