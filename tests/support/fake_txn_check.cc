#include "support/fake_txn_check.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace idetcd::testing {
namespace {

const char* const kNoKey = "etcdserver: key is not provided";

Status check_size(const Txn& txn, std::size_t max_ops);

Status check_operation(const Operation& operation, std::size_t max_ops) {
  if (const auto* nested = std::get_if<std::unique_ptr<Txn>>(&operation)) return check_size(**nested, max_ops);
  const std::string* key = nullptr;
  if (const auto* range = std::get_if<RangeRequest>(&operation)) key = &range->keys.begin;
  if (const auto* put = std::get_if<PutRequest>(&operation)) key = &put->key;
  if (const auto* remove = std::get_if<DeleteRequest>(&operation)) key = &remove->keys.begin;
  if (key->empty()) return Error{ErrorCode::kInvalidArgument, kNoKey};
  return {};
}

Status check_size(const Txn& txn, std::size_t max_ops) {
  const std::size_t used = std::max({txn.compares.size(), txn.success.size(), txn.failure.size()});
  if (used > max_ops) return Error{ErrorCode::kTooManyOperations, "etcdserver: too many operations in txn request"};
  for (const Compare& compare : txn.compares) {
    if (compare.key.empty()) return Error{ErrorCode::kInvalidArgument, kNoKey};
  }
  for (const auto* branch : {&txn.success, &txn.failure}) {
    for (const Operation& operation : *branch) {
      if (auto status = check_operation(operation, max_ops - used); !status) return status;
    }
  }
  return {};
}

struct Writes {
  std::set<std::string> puts;
  std::vector<KeyRange> deletes;

  bool deletes_key(const std::string& key) const {
    return std::any_of(deletes.begin(), deletes.end(), [&](const KeyRange& keys) { return contains(keys, key); });
  }
};

const Error kDuplicate{ErrorCode::kInvalidArgument, "etcdserver: duplicate key given in txn request"};

Result<Writes> writes_of(const std::vector<Operation>& operations);

// Then and else exclude each other, so both may put the same key; what either puts
// must be new to `all`.
Status add_nested(const Txn& txn, Writes& all) {
  auto then = writes_of(txn.success);
  if (!then) return then.error();
  auto otherwise = writes_of(txn.failure);
  if (!otherwise) return otherwise.error();
  for (const auto* branch : {&*then, &*otherwise}) {
    for (const auto& key : branch->puts) {
      if (all.puts.count(key) != 0 || all.deletes_key(key)) return kDuplicate;
    }
  }
  for (auto* branch : {&*then, &*otherwise}) {
    all.puts.merge(branch->puts);
    all.deletes.insert(all.deletes.end(), branch->deletes.begin(), branch->deletes.end());
  }
  return {};
}

// etcd looks at deletes first, then at nested transactions, then at puts: a delete
// nested in a later transaction than a put of the same key is not noticed.
Result<Writes> writes_of(const std::vector<Operation>& operations) {
  Writes all;
  for (const Operation& operation : operations) {
    if (const auto* remove = std::get_if<DeleteRequest>(&operation)) all.deletes.push_back(remove->keys);
  }
  for (const Operation& operation : operations) {
    if (const auto* nested = std::get_if<std::unique_ptr<Txn>>(&operation)) {
      if (auto status = add_nested(**nested, all); !status) return status.error();
    }
  }
  for (const Operation& operation : operations) {
    if (const auto* put = std::get_if<PutRequest>(&operation)) {
      if (all.deletes_key(put->key) || !all.puts.insert(put->key).second) return kDuplicate;
    }
  }
  return all;
}

}  // namespace

bool contains(const KeyRange& keys, std::string_view key) noexcept {
  if (keys.end.empty()) return key == keys.begin;
  const bool to_the_end = keys.end == std::string_view("\0", 1);
  return keys.begin <= key && (to_the_end || key < keys.end);
}

Status check_txn(const Txn& txn, std::size_t max_ops) {
  if (auto status = check_size(txn, max_ops); !status) return status;
  for (const auto* branch : {&txn.success, &txn.failure}) {
    if (auto writes = writes_of(*branch); !writes) return writes.error();
  }
  return {};
}

}  // namespace idetcd::testing
