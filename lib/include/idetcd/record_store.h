// RecordStore: follows the records of one pool in etcd and keeps the last good set.
//
// It lists once, watches from there, resumes after a break, and lists again after
// a compaction, a restore, or every ten minutes to be sure. While etcd is away the
// last set stands; staleness() says for how long.
#pragma once

#include <idetcd/etcd.h>
#include <idetcd/export.h>
#include <idetcd/log.h>
#include <idetcd/pattern_template.h>
#include <idetcd/record.h>
#include <idetcd/result.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

namespace idetcd {
namespace internal {
class RecordSetBuilder;
}

// One slot's name as it stands in etcd.
struct NamedRecord {
  SlotId slot = 0;
  Record record;
  Revision token = 0;         // the owner's fencing token (Claim::token)
  Revision mod_revision = 0;  // of the last change
  LeaseId lease = 0;
};

// An immutable set of records by slot. Taking one is cheap whatever its size, and a
// change costs the changed slots, not the set: versions share their unchanged parts.
class IDETCD_EXPORT RecordSet {
 public:
  RecordSet();

  std::size_t size() const noexcept { return size_; }
  Revision revision() const noexcept { return revision_; }       // of etcd, as of this set
  std::size_t malformed() const noexcept { return malformed_; }  // keys left out: not a record

  // Empty if the slot is free (or its record malformed). O(1); the record is decoded
  // anew at each call, because the set keeps it in its compact form.
  std::optional<NamedRecord> find(SlotId slot) const;

  // In ascending order of slots; the reference ends with the call.
  void for_each(const std::function<void(const NamedRecord&)>& visit) const;

 private:
  friend class internal::RecordSetBuilder;
  struct Slots;
  std::shared_ptr<const Slots> slots_;
  std::size_t size_ = 0;
  std::size_t malformed_ = 0;
  Revision revision_ = 0;
};

// How far the set may be behind etcd.
struct Staleness {
  bool live = false;                    // listed, watching, and heard of lately
  std::chrono::milliseconds behind{0};  // since the watch was last known to be whole; 0 when live
};

struct RecordStoreOptions {
  PatternTemplate pattern;
  std::string path{};  // key prefix, as in ClaimOptions

  // Called after every change (the first time inside open(), on its caller's thread,
  // then on the store's own), with the new set and the
  // slots that differ from the one before (each once; after a listing only those
  // that really differ). May be empty. Must not destroy the store.
  std::function<void(const RecordSet&, std::span<const SlotId> changed)> on_change{};

  std::chrono::seconds reconcile{600};  // list again this often (jittered); 0: never
  LogSink log{};
};

// Owns one thread. Every member is safe to call from any thread. The destructor
// ends the callbacks and returns in bounded time, with etcd up, down or hung.
class IDETCD_EXPORT RecordStore {
 public:
  // Blocks until the first listing has succeeded, retrying with backoff while etcd
  // is away, or until `stop` (kCancelled). kDenied and kUntrusted end it at once.
  static Result<std::unique_ptr<RecordStore>> open(std::shared_ptr<Etcd> etcd, RecordStoreOptions options,
                                                   std::stop_token stop = {});
  ~RecordStore();

  std::shared_ptr<const RecordSet> snapshot() const;
  Staleness staleness() const noexcept;

 private:
  class Impl;
  explicit RecordStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace idetcd
