// PoolKeys: where a pool keeps what in etcd (README.md, "Keys and records").
#pragma once

#include <idetcd/etcd.h>
#include <idetcd/pattern_template.h>
#include <idetcd/result.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace idetcd::internal {

class PoolKeys {
 public:
  PoolKeys(std::string_view path, const PatternTemplate& pattern);

  std::string record(std::string_view name) const;   // <path><name>
  std::string node(std::string_view node_id) const;  // .../node/<node-id>
  std::string ticket(std::string_view node_id) const;
  std::string home(std::string_view node_id) const;
  std::string hold(SlotId slot) const;
  std::string handover() const;
  std::string turn() const;
  std::string plan() const;
  std::string planner() const;
  std::string waiting() const;  // there while somebody waits; among plans()

  KeyRange records() const;  // every record of the pool, and little else
  KeyRange tickets() const;
  KeyRange queue() const;  // tickets and handover
  KeyRange holds() const;
  KeyRange plans() const;    // plan, planner and waiting
  KeyRange owners() const;   // holds, homes and node entries
  KeyRange members() const;  // node, queue and hold keys among others, in one range for one watch

  std::vector<KeyRange> all() const;  // records, members; without a zero byte at the end (pool_keys())
  // For who was denied: which permissions to ask for, in etcdctl's words.
  std::string permissions() const;

  // The inverses; empty if the key is not of that kind.
  std::optional<std::string_view> record_name(std::string_view key) const;
  std::optional<std::string_view> node_of_member(std::string_view key) const;
  std::optional<std::string_view> node_of_ticket(std::string_view key) const;
  std::optional<SlotId> slot_of_hold(std::string_view key) const;

 private:
  std::string path_;
  std::string root_;  // "/idetcd/<path><pool>/"
  KeyRange records_;
};

// Adds which permissions the pool needs, where etcd only says that it denies one.
Error explained(Error error, const PoolKeys& keys);

}  // namespace idetcd::internal
