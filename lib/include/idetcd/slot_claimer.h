// SlotClaimer: takes a free slot of a pool, and Claim: holds it.
//
// Mutual exclusion rests on etcd's compare alone: a slot is taken in the same
// transaction that found it free, under a lease that dies with its owner. What is
// kept where is in README.md, "Keys and records".
//
// The words, here and in the code:
//   pool    all names of one pattern, worker1 ... workerN
//   slot    one of them, by its number
//   node    who wants a slot, known by its node id
//   lease   the session lease unless another is named: etcd's timer, which this process
//           renews, and with whose end the record, the node's entry and its ticket go
//   grace   the grace lease of a sticky claim: it lives longer, and what it carries are
//   hold      who may have a slot back while its owner is away, and
//   home      which slot a node had
//   ticket  a waiting node's place in the queue; the oldest is served first
//   token   the fencing token: the revision of the transaction that took the slot. It
//           only grows, so that whoever sees two knows which owner is the later one
#pragma once

#include <idetcd/etcd.h>
#include <idetcd/export.h>
#include <idetcd/log.h>
#include <idetcd/pattern_template.h>
#include <idetcd/record.h>
#include <idetcd/result.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

namespace idetcd {

enum class OnFull {
  kFail,  // claim() returns kFull
  kWait,  // claim() waits for its turn: first come, first served
};

struct ClaimOptions {
  std::string path{};            // prefix of every key; empty: the ancestor's flat layout
  std::chrono::seconds ttl{20};  // of the lease; 2 s to 1 day (etcd may grant more)
  OnFull on_full = OnFull::kFail;

  // With kWait: how long to wait for a turn before claim() returns kFull after all.
  // 0: until it comes.
  std::chrono::milliseconds longest_wait{0};

  // Who this is: 1..128 of letters, digits, '-', '_', '.', ':'. Two live processes
  // may not share one. Empty: a random one, or the one kept in `state_dir`.
  std::string node_id{};

  // How long after the lease's end a slot is kept for the node that had it.
  // 0: not at all. Needs a lasting node id (`node_id` or `state_dir`).
  std::chrono::seconds sticky{0};

  // A directory for the state file that lets a restarted process resume its lease. One
  // that cannot be written is logged, and the claim goes on without; one whose file another
  // live process has is kInvalidArgument. Empty: none.
  std::filesystem::path state_dir{};

  // Called while waiting, on the thread in claim(), when the place in the queue
  // changed: 1 is next. It should return soon, since the lease is not renewed
  // meanwhile. What it throws is logged. May be empty.
  std::function<void(std::size_t position)> on_position{};

  LogSink log{};
};

// kInvalidArgument with Error::option "path", "ttl", "node-id" or "sticky": the first option
// that is out of its bounds. Reads nothing but `options`; claim() checks the same.
IDETCD_EXPORT Status check(const ClaimOptions& options);

// One held slot. Move-only; the destructor gives the slot back. Every member but move
// and destruction may be called from any thread. Owns one thread, which keeps the lease
// alive. In a forked child it is never held, and its destructor leaves the slot alone.
//
// Moved from, it may be destroyed and assigned to; it is not held, its texts are empty
// and its numbers 0, lost() is requested already, update() and release() return kLost.
//
// A callback on lost() (std::stop_callback) runs on that thread. It may call every member
// and may destroy the Claim; it must not throw, which std::stop_callback answers with
// std::terminate. While it runs the lease is not renewed.
class IDETCD_EXPORT Claim {
 public:
  Claim(Claim&&) noexcept;
  Claim& operator=(Claim&&) noexcept;  // what it was is destroyed, as below
  // As release(), without its answer; bounded by 2 s. Waits, beyond that, for a
  // callback on lost() that runs, unless it is called by that.
  ~Claim();

  SlotId slot() const noexcept;
  const std::string& name() const noexcept;  // with the trailing dot
  const std::string& node_id() const noexcept;
  LeaseId lease() const noexcept;
  std::chrono::seconds ttl() const noexcept;  // as granted

  // The fencing token: the revision of the claiming transaction. Greater than that
  // of every earlier owner of this slot.
  Revision token() const noexcept;

  // Never wrongly true: compares, at this moment, CLOCK_BOOTTIME with the end of the
  // time that etcd is known to have granted, counted from when it was asked.
  bool held() const noexcept;

  // The moment at which held() turns false unless the lease is renewed before, as time
  // since boot (CLOCK_BOOTTIME): for whoever acts for the owner, and has to have stopped
  // by then. 0 if it is not held.
  std::chrono::nanoseconds trusted_until() const noexcept;

  // Stop is requested when held() turns false. Should the lease then prove to have
  // lived all along, the claim is held again under the same token, and lost() gives
  // a new stop token for the new period.
  std::stop_token lost() const noexcept;

  // Why it was lost; empty while held.
  std::string loss_reason() const;

  // Replaces the record. Blocks, at most 5 s. kLost: the claim is not held.
  // kUnavailable, kDeadlineExceeded: it may be written or not; call again. Of two calls
  // at once the one that comes later wins.
  Status update(const Record& record);

  // Gives the slot back: the name is gone when this returns OK. Whatever it returns,
  // held() is false from now on. After an Error the name stays until the lease ends, or
  // until another call returns OK; after OK a call does nothing. Blocks, at most 5 s.
  Status release();

 private:
  friend class SlotClaimer;
  class Impl;
  explicit Claim(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Cheap; a value that knows how to claim. Safe to use from several threads, as
// long as each claim has its own node id (the empty default gives each its own).
class IDETCD_EXPORT SlotClaimer {
 public:
  SlotClaimer(std::shared_ptr<Etcd> etcd, PatternTemplate pattern, ClaimOptions options);

  // Blocks until a slot is ours. Etcd being away is retried with jittered backoff
  // until `stop` (kCancelled). kFull: every slot is taken (OnFull::kFail).
  // kDuplicateNode: the node id is in use; if by this address or on this boot, only once that
  // lease has outlived its time, since a run that was killed may have left it. kExhausted: no thread to keep the slot
  // with; it was given back. kDenied, kUntrusted, kInvalidArgument: as the message says.
  Result<Claim> claim(const Record& record, std::stop_token stop = {});

 private:
  std::shared_ptr<Etcd> etcd_;
  PatternTemplate pattern_;
  ClaimOptions options_;
};

}  // namespace idetcd
