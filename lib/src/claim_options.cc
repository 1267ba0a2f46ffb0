#include "claim_options.h"

#include <fmt/format.h>

#include <algorithm>

namespace idetcd {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds kLeastTtl = 2s;  // etcd grants no less with its default election time-out
constexpr std::chrono::seconds kMostTtl = 24h;
constexpr std::chrono::seconds kMostSticky = 24h * 365;
constexpr std::size_t kMostPath = 512;
constexpr std::size_t kMostNodeId = 128;

bool node_id_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
         c == '.' || c == ':';
}

Error wrong(std::string message) {
  return Error{ErrorCode::kInvalidArgument, std::move(message)};
}

}  // namespace

bool valid_node_id(std::string_view id) noexcept {
  return id.size() <= kMostNodeId && std::all_of(id.begin(), id.end(), node_id_character);
}

Status check(const ClaimOptions& options) {
  if (options.ttl < kLeastTtl || options.ttl > kMostTtl) {
    return wrong(
        fmt::format("ttl is {} s; it must be {} to {} s", options.ttl.count(), kLeastTtl.count(), kMostTtl.count()));
  }
  if (options.path.size() > kMostPath)
    return wrong(fmt::format("path has {} bytes; at most {}", options.path.size(), kMostPath));
  if (!valid_node_id(options.node_id)) {
    return wrong(fmt::format("node id '{}' must be 1 to {} letters, digits, '-', '_', '.' or ':'", options.node_id,
                             kMostNodeId));
  }
  if (options.sticky < 0s || options.sticky > kMostSticky) {
    return wrong(fmt::format("sticky is {} s; it must be 0 to {} s", options.sticky.count(), kMostSticky.count()));
  }
  if (options.sticky > 0s && options.node_id.empty() && options.state_dir.empty()) {
    return wrong("sticky needs a lasting identity: set node-id, or state-dir to keep a made-up one");
  }
  return {};
}

}  // namespace idetcd
