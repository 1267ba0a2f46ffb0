#include "claim/claim_options.h"

#include <fmt/format.h>

#include <algorithm>

namespace idetcd::internal {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds kMinTtl = 2s;  // etcd grants no less with its default election time-out
constexpr std::chrono::seconds kMaxTtl = 24h;
constexpr std::chrono::seconds kMaxSticky = 24h * 365;
constexpr std::size_t kMaxPath = 512;
constexpr std::size_t kMaxNodeId = 128;

bool node_id_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
         c == '.' || c == ':';
}

Error wrong(std::string message) {
  return Error{ErrorCode::kInvalidArgument, std::move(message)};
}

}  // namespace

bool valid_node_id(std::string_view id) noexcept {
  return id.size() <= kMaxNodeId && std::all_of(id.begin(), id.end(), node_id_character);
}

Status check(const ClaimOptions& options) {
  if (options.ttl < kMinTtl || options.ttl > kMaxTtl) {
    return wrong(
        fmt::format("ttl is {} s; it must be {} to {} s", options.ttl.count(), kMinTtl.count(), kMaxTtl.count()));
  }
  if (options.path.size() > kMaxPath)
    return wrong(fmt::format("path has {} bytes; at most {}", options.path.size(), kMaxPath));
  if (!valid_node_id(options.node_id)) {
    return wrong(
        fmt::format("node id '{}' must be 1 to {} letters, digits, '-', '_', '.' or ':'", options.node_id, kMaxNodeId));
  }
  if (options.sticky < 0s || options.sticky > kMaxSticky) {
    return wrong(fmt::format("sticky is {} s; it must be 0 to {} s", options.sticky.count(), kMaxSticky.count()));
  }
  if (options.sticky > 0s && options.node_id.empty() && options.state_dir.empty()) {
    return wrong("sticky needs a lasting identity: set node-id, or state-dir to keep a made-up one");
  }
  return {};
}

}  // namespace idetcd::internal
