// SlotClaimer: takes a free slot of a pool, and Claim: holds it.
//
// Mutual exclusion rests on etcd's compare alone: a slot is taken in the same
// transaction that found it free, under a lease that dies with its owner. What is
// kept where is in README.md, "Keys and records".
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

  // A folder for the state file that lets a restarted process resume its lease.
  // Empty: none.
  std::filesystem::path state_dir{};

  // Called while waiting, on the thread in claim(), when the place in the queue
  // changed: 1 is next. May be empty.
  std::function<void(std::size_t position)> on_position{};

  LogSink log{};
};

// One held slot. Move-only; the destructor gives the slot back. Every const member
// may be called from any thread. Owns one thread, which keeps the lease alive. In a
// forked child it is never held, and its destructor leaves the slot alone.
class IDETCD_EXPORT Claim {
 public:
  Claim(Claim&&) noexcept;
  Claim& operator=(Claim&&) noexcept;
  ~Claim();  // as release(), without its answer; bounded by 2 s

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

  // Stop is requested when held() turns false. Should the lease then prove to have
  // lived all along, the claim is held again under the same token, and lost() gives
  // a new stop token for the new period.
  std::stop_token lost() const noexcept;

  // Why it was lost; empty while held.
  std::string loss_reason() const;

  // Replaces the record, if the claim is still ours (else kLost). Blocks.
  Status update(const Record& record);

  // Gives the slot back: the name is gone when this returns OK. Blocks, at most
  // 5 s. Afterwards held() is false. A second call does nothing.
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
  // kDuplicateNode: the node id is in use. kDenied, kUntrusted, kInvalidArgument:
  // as the message says.
  Result<Claim> claim(const Record& record, std::stop_token stop = {});

 private:
  std::shared_ptr<Etcd> etcd_;
  PatternTemplate pattern_;
  ClaimOptions options_;
};

}  // namespace idetcd
