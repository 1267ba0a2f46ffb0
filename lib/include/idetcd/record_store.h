// RecordStore: follows the records of one pool in etcd and keeps the last good set.
//
// It lists once, watches from there, resumes after a break, and lists again after
// a compaction, a restore, or every ten minutes to be sure (RecordStoreOptions::reconcile).
// While etcd is away the last set stands; staleness() says for how long.
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

// An immutable set of records by slot; any thread. Copying one is cheap whatever its
// size, and a change costs the changed slots, not the set: versions share their unchanged
// parts.
class IDETCD_EXPORT RecordSet {
 public:
  RecordSet();

  std::size_t size() const noexcept { return size_; }
  Revision revision() const noexcept { return revision_; }       // of etcd, as of this set
  std::size_t malformed() const noexcept { return malformed_; }  // keys left out: not a record

  // Empty if the slot is free, its record malformed, or there is no such slot. The
  // records of the last change are at hand; any other is decoded anew at each call,
  // because the set keeps it in its compact form.
  std::optional<NamedRecord> find(SlotId slot) const;

  // In ascending order of slots; each reference is valid during its call of `visit`.
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
  std::string path{};  // prefix of every key, as in ClaimOptions

  // Called after every change, with the new set and the slots that differ from the one
  // before (each once, ascending; after a listing only those that really differ). The
  // first call is inside open(), on its caller's thread; the others are on the store's
  // own, one at a time. References are valid during the call. May be empty.
  //
  // It may block: changes that come meanwhile are one call afterwards. It may call every
  // member of the store, and destroy the store: that call is the last one then. An
  // exception from it is logged and ignored.
  std::function<void(const RecordSet&, std::span<const SlotId> changed)> on_change{};

  std::chrono::seconds reconcile{600};  // list again this often (jittered); 0: never

  // After so much silence etcd must show that it still answers, or the store looks for
  // another member. So long, and about a second more, staleness() may be live with nothing
  // behind it. Each proof is a read of one key by etcd; 0: none.
  std::chrono::milliseconds prove_every{5000};
  LogSink log{};
};

// Owns one thread. Every member is safe to call from any thread.
//
// In a forked child nothing follows etcd any more: destroying the store is harmless there,
// and the only thing to do with it.
class IDETCD_EXPORT RecordStore {
 public:
  // Blocks until the first listing has succeeded, or until `stop` (kCancelled). It is
  // tried again, with backoff, after kUnavailable, kDeadlineExceeded, kNoSpace and
  // kCompacted; any other error ends it, e.g. kDenied, which says which permissions the
  // pool needs, or kUntrusted. kExhausted: the thread cannot be created. Once open, the
  // store tries again after every error, and the last set stands.
  // Precondition: `etcd` is not null; the store shares it.
  static Result<std::unique_ptr<RecordStore>> open(std::shared_ptr<Etcd> etcd, RecordStoreOptions options,
                                                   std::stop_token stop = {});

  // Ends the callbacks: waits for a running on_change, unless called from it. Otherwise
  // it returns in bounded time, with etcd up, down or hung.
  ~RecordStore();

  // The last set; never null.
  std::shared_ptr<const RecordSet> snapshot() const;
  Staleness staleness() const noexcept;

 private:
  class Impl;
  explicit RecordStore(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace idetcd
