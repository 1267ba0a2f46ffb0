#include "support/fake_store.h"

#include "support/fake_txn_check.h"

#include <algorithm>
#include <utility>

namespace idetcd::testing {
namespace {

template <class T>
bool compares(Compare::Op op, const T& left, const T& right) {
  switch (op) {
    case Compare::Op::kEqual: return left == right;
    case Compare::Op::kGreater: return left > right;
    case Compare::Op::kLess: return left < right;
    case Compare::Op::kNotEqual: return left != right;
  }
  return false;
}

std::int64_t number_of(const KeyValue& kv, Compare::Target target) {
  switch (target) {
    case Compare::Target::kVersion: return kv.version;
    case Compare::Target::kCreateRevision: return kv.create_revision;
    case Compare::Target::kModRevision: return kv.mod_revision;
    case Compare::Target::kLease: return kv.lease;
    case Compare::Target::kValue: break;
  }
  return 0;
}

bool older(const Event& event, Revision revision) {
  return event.kv.mod_revision < revision;
}

}  // namespace

// --- one transaction ------------------------------------------------------------

class FakeStore::Run {
 public:
  explicit Run(FakeStore& store) : store_(store), revision_(store.revision_ + 1) {}

  Result<TxnReply> run(const Txn& txn) {
    const Choice choice = choose(txn);
    if (auto status = check(txn, choice); !status) return status.error();
    TxnReply reply = apply(txn, choice);
    if (wrote_) store_.revision_ = revision_;
    reply.header.revision = store_.revision_;
    return reply;
  }

 private:
  // Which branch runs, and so on for the transactions nested in it. etcd decides
  // all of that on the data from before the first operation.
  struct Choice {
    bool succeeded = false;
    std::vector<Choice> nested;  // in order
  };

  static const std::vector<Operation>& branch(const Txn& txn, const Choice& choice) {
    return choice.succeeded ? txn.success : txn.failure;
  }

  Choice choose(const Txn& txn) const {
    Choice choice;
    choice.succeeded = std::all_of(txn.compares.begin(), txn.compares.end(),
                                   [this](const Compare& compare) { return store_.holds(compare); });
    for (const Operation& operation : branch(txn, choice)) {
      if (const auto* nested = std::get_if<std::unique_ptr<Txn>>(&operation)) choice.nested.push_back(choose(**nested));
    }
    return choice;
  }

  Status check(const Txn& txn, const Choice& choice) const {
    auto nested = choice.nested.begin();
    for (const Operation& operation : branch(txn, choice)) {
      Status status;
      if (const auto* range = std::get_if<RangeRequest>(&operation)) {
        status = store_.check_revision(range->revision);
      } else if (const auto* put = std::get_if<PutRequest>(&operation)) {
        if (put->lease != 0 && store_.leases_.count(put->lease) == 0) {
          status = Error{ErrorCode::kNotFound, "etcdserver: requested lease not found"};
        }
      } else if (const auto* inner = std::get_if<std::unique_ptr<Txn>>(&operation)) {
        status = check(**inner, *nested++);
      }
      if (!status) return status;
    }
    return {};
  }

  TxnReply apply(const Txn& txn, const Choice& choice) {
    TxnReply reply;
    reply.succeeded = choice.succeeded;
    auto nested = choice.nested.begin();
    for (const Operation& operation : branch(txn, choice)) {
      if (const auto* range = std::get_if<RangeRequest>(&operation)) {
        reply.replies.emplace_back(store_.read(*range, wrote_ ? revision_ : store_.revision_));
      } else if (const auto* put = std::get_if<PutRequest>(&operation)) {
        store_.put(*put, revision_);
        wrote_ = true;
        reply.replies.emplace_back(PutReply{});
      } else if (const auto* remove = std::get_if<DeleteRequest>(&operation)) {
        const auto deleted = store_.erase(remove->keys, revision_);
        wrote_ = wrote_ || deleted > 0;
        reply.replies.emplace_back(DeleteReply{deleted});
      } else {
        const auto& inner = *std::get<std::unique_ptr<Txn>>(operation);
        reply.replies.emplace_back(std::make_unique<TxnReply>(apply(inner, *nested++)));
      }
    }
    return reply;
  }

  FakeStore& store_;
  const Revision revision_;  // of this transaction, should it write
  bool wrote_ = false;
};

Result<TxnReply> FakeStore::txn(const Txn& txn) {
  return Run(*this).run(txn);
}

bool FakeStore::holds(const Compare& compare) const {
  const auto found = compare.end.empty() ? RangeReply{} : read({.keys = {compare.key, compare.end}}, revision_);
  if (found.kvs.empty()) return holds(compare, find(compare.key));
  return std::all_of(found.kvs.begin(), found.kvs.end(), [&](const KeyValue& kv) { return holds(compare, &kv); });
}

bool FakeStore::holds(const Compare& compare, const KeyValue* kv) {
  if (compare.target == Compare::Target::kValue) return kv && compares(compare.op, kv->value, compare.text);
  return compares(compare.op, kv ? number_of(*kv, compare.target) : 0, compare.number);
}

// --- reading --------------------------------------------------------------------

const KeyValue* FakeStore::at(const History& history, Revision revision) {
  const auto later = [](Revision wanted, const KeyValue& kv) { return wanted < kv.mod_revision; };
  const auto next = std::upper_bound(history.begin(), history.end(), revision, later);
  if (next == history.begin() || std::prev(next)->version == 0) return nullptr;
  return &*std::prev(next);
}

const KeyValue* FakeStore::find(const std::string& key) const {
  const auto it = keys_.find(key);
  return it == keys_.end() || it->second.back().version == 0 ? nullptr : &it->second.back();
}

Status FakeStore::check_revision(Revision revision) const {
  if (revision > revision_) {
    return Error{ErrorCode::kInvalidArgument, "etcdserver: mvcc: required revision is a future revision"};
  }
  if (revision != 0 && revision < compacted_) {
    return Error{ErrorCode::kCompacted, "etcdserver: mvcc: required revision has been compacted"};
  }
  return {};
}

RangeReply FakeStore::read(const RangeRequest& request, Revision newest) const {
  RangeReply reply;
  reply.header.revision = newest;
  const Revision wanted = request.revision == 0 ? newest : request.revision;
  for (auto it = keys_.lower_bound(request.keys.begin); it != keys_.end() && contains(request.keys, it->first); ++it) {
    const KeyValue* kv = at(it->second, wanted);
    if (kv) reply.kvs.push_back(*kv);
  }
  reply.count = static_cast<std::int64_t>(reply.kvs.size());
  if (request.count_only) {
    reply.kvs.clear();
    return reply;
  }
  if (request.sort == SortBy::kCreateRevision) {
    std::stable_sort(reply.kvs.begin(), reply.kvs.end(), [](const KeyValue& left, const KeyValue& right) {
      return left.create_revision < right.create_revision;
    });
  }
  if (request.limit > 0 && reply.count > request.limit) {
    reply.kvs.resize(static_cast<std::size_t>(request.limit));
    reply.more = true;
  }
  if (request.keys_only) {
    for (KeyValue& kv : reply.kvs) kv.value.clear();
  }
  return reply;
}

Result<RangeReply> FakeStore::range(const RangeRequest& request) const {
  if (request.keys.begin.empty()) return Error{ErrorCode::kInvalidArgument, "etcdserver: key is not provided"};
  if (auto status = check_revision(request.revision); !status) return status.error();
  return read(request, revision_);
}

std::vector<Event> FakeStore::events(const KeyRange& keys, Revision from) const {
  std::vector<Event> events;
  const auto first = std::lower_bound(log_.begin(), log_.end(), from, older);
  std::copy_if(first, log_.end(), std::back_inserter(events),
               [&](const Event& event) { return contains(keys, event.kv.key); });
  return events;
}

// --- writing --------------------------------------------------------------------

void FakeStore::put(const PutRequest& request, Revision revision) {
  const KeyValue* old = find(request.key);
  KeyValue kv{request.key,  request.value, old ? old->create_revision : revision, revision, old ? old->version + 1 : 1,
              request.lease};
  if (old) detach(*old);
  if (kv.lease != 0) leases_.at(kv.lease).insert(kv.key);
  log_.push_back({Event::Type::kPut, kv});
  keys_[kv.key].push_back(std::move(kv));
}

std::int64_t FakeStore::erase(const KeyRange& keys, Revision revision) {
  std::int64_t deleted = 0;
  for (auto it = keys_.lower_bound(keys.begin); it != keys_.end() && contains(keys, it->first); ++it) {
    if (it->second.back().version == 0) continue;
    detach(it->second.back());
    KeyValue tombstone;
    tombstone.key = it->first;
    tombstone.mod_revision = revision;
    log_.push_back({Event::Type::kDelete, tombstone});
    it->second.push_back(std::move(tombstone));
    ++deleted;
  }
  return deleted;
}

void FakeStore::detach(const KeyValue& kv) {
  if (const auto lease = leases_.find(kv.lease); lease != leases_.end()) lease->second.erase(kv.key);
}

bool FakeStore::remove_lease(LeaseId lease) {
  const auto it = leases_.find(lease);
  if (it == leases_.end()) return false;
  const std::set<std::string> attached = it->second;
  for (const std::string& key : attached) erase(KeyRange::one(key), revision_ + 1);
  if (!attached.empty()) ++revision_;
  leases_.erase(lease);
  return true;
}

Status FakeStore::compact(Revision revision) {
  if (revision <= compacted_) {
    return Error{ErrorCode::kCompacted, "etcdserver: mvcc: required revision has been compacted"};
  }
  if (auto status = check_revision(revision); !status) return status;
  compacted_ = revision;
  log_.erase(log_.begin(), std::lower_bound(log_.begin(), log_.end(), revision, older));
  for (auto it = keys_.begin(); it != keys_.end();) {
    History& history = it->second;
    const KeyValue* kept = at(history, revision);
    const auto first = std::find_if(history.begin(), history.end(),
                                    [&](const KeyValue& kv) { return &kv == kept || kv.mod_revision > revision; });
    history.erase(history.begin(), first);
    it = history.empty() ? keys_.erase(it) : std::next(it);
  }
  return {};
}

}  // namespace idetcd::testing
