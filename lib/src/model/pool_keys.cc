#include "model/pool_keys.h"

#include <charconv>

namespace idetcd::internal {
namespace {

std::optional<std::string_view> without_prefix(std::string_view key, std::string_view root, std::string_view kind) {
  if (!key.starts_with(root)) return std::nullopt;
  key.remove_prefix(root.size());
  if (!key.starts_with(kind)) return std::nullopt;
  key.remove_prefix(kind.size());
  return key;
}

}  // namespace

PoolKeys::PoolKeys(std::string_view path, const PatternTemplate& pattern)
    : path_(path), root_("/idetcd/" + path_ + pattern.canonical() + "/") {
  records_.begin = record(pattern.min_name());
  records_.end = record(pattern.max_name()) + '\0';
}

std::string PoolKeys::record(std::string_view name) const {
  return path_ + std::string(name);
}
std::string PoolKeys::node(std::string_view node_id) const {
  return root_ + "node/" + std::string(node_id);
}
std::string PoolKeys::ticket(std::string_view node_id) const {
  return root_ + "queue/" + std::string(node_id);
}
std::string PoolKeys::home(std::string_view node_id) const {
  return root_ + "home/" + std::string(node_id);
}
std::string PoolKeys::hold(SlotId slot) const {
  return root_ + "hold/" + std::to_string(slot);
}
std::string PoolKeys::handover() const {
  return root_ + "queue-handover";
}
std::string PoolKeys::turn() const {
  return root_ + "turn";
}
std::string PoolKeys::plan() const {
  return root_ + "plan";
}
std::string PoolKeys::planner() const {
  return root_ + "planner";
}
std::string PoolKeys::waiting() const {
  return root_ + "plan-waiting";
}

KeyRange PoolKeys::records() const {
  return records_;
}
KeyRange PoolKeys::tickets() const {
  return KeyRange::prefix(root_ + "queue/");
}
KeyRange PoolKeys::queue() const {
  return KeyRange::prefix(root_ + "queue");
}
KeyRange PoolKeys::holds() const {
  return KeyRange::prefix(root_ + "hold/");
}
KeyRange PoolKeys::plans() const {
  return KeyRange::prefix(root_ + "plan");
}
KeyRange PoolKeys::owners() const {
  return {root_ + "hold/", KeyRange::prefix(root_ + "node/").end};
}
KeyRange PoolKeys::members() const {
  return KeyRange::prefix(root_);
}

std::vector<KeyRange> PoolKeys::all() const {
  std::string end = records_.end;
  end.pop_back();  // a zero byte
  ++end.back();
  return {{records_.begin, end}, members()};
}

std::string PoolKeys::permissions() const {
  const auto keys = all();
  return "this pool needs: etcdctl role grant-permission ROLE readwrite '" + keys[0].begin + "' '" + keys[0].end +
         "', and --prefix ROLE readwrite '" + root_ + "' (read alone where nothing is claimed)";
}

std::optional<std::string_view> PoolKeys::record_name(std::string_view key) const {
  return without_prefix(key, path_, "");
}

std::optional<std::string_view> PoolKeys::node_of_member(std::string_view key) const {
  return without_prefix(key, root_, "node/");
}

std::optional<std::string_view> PoolKeys::node_of_ticket(std::string_view key) const {
  return without_prefix(key, root_, "queue/");
}

std::optional<SlotId> PoolKeys::slot_of_hold(std::string_view key) const {
  const auto text = without_prefix(key, root_, "hold/");
  if (!text) return std::nullopt;
  SlotId slot = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), slot);
  if (error != std::errc{} || end != text->data() + text->size() || slot == 0) return std::nullopt;
  return slot;
}

Error explained(Error error, const PoolKeys& keys) {
  if (error.code == ErrorCode::kDenied && error.message.find("permission denied") != std::string::npos) {
    error.message += "; " + keys.permissions();
  }
  return error;
}

}  // namespace idetcd::internal
