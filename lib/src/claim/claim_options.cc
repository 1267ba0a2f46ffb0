#include "claim/claim_options.h"

#include <fmt/format.h>
#include <idetcd/slot_claimer.h>

#include <algorithm>

namespace idetcd {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds kMinTtl = 2s;  // etcd grants no less with its default election timeout
constexpr std::chrono::seconds kMaxTtl = 24h;
constexpr std::chrono::seconds kMaxSticky = 24h * 365;
constexpr std::size_t kMaxPath = 512;
constexpr std::size_t kMaxNodeId = 128;

bool node_id_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
         c == '.' || c == ':';
}

Error wrong(std::string_view option, std::string message) {
  return Error{ErrorCode::kInvalidArgument, std::move(message), std::string(option)};
}

}  // namespace

bool internal::valid_node_id(std::string_view id) noexcept {
  return id.size() <= kMaxNodeId && std::all_of(id.begin(), id.end(), node_id_character);
}

Status check(const ClaimOptions& options) {
  if (options.ttl < kMinTtl || options.ttl > kMaxTtl) {
    return wrong("ttl", fmt::format("ttl is {} s; it must be {} to {} s", options.ttl.count(), kMinTtl.count(),
                                    kMaxTtl.count()));
  }
  if (options.path.size() > kMaxPath) {
    return wrong("path", fmt::format("path has {} bytes; at most {}", options.path.size(), kMaxPath));
  }
  if (!internal::valid_node_id(options.node_id)) {
    return wrong("node-id", fmt::format("node id \"{}\" must be 1 to {} letters, digits, '-', '_', '.' or ':'",
                                        options.node_id, kMaxNodeId));
  }
  if (options.sticky < 0s || options.sticky > kMaxSticky) {
    return wrong("sticky",
                 fmt::format("sticky is {} s; it must be 0 to {} s", options.sticky.count(), kMaxSticky.count()));
  }
  if (options.sticky > 0s && options.node_id.empty() && options.state_dir.empty()) {
    return wrong("sticky", "sticky needs a lasting node id; set node-id, or state-dir to keep a random one");
  }
  return {};
}

}  // namespace idetcd
