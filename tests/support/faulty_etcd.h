// FaultyEtcd: stands before another Etcd, fake or real, and loses, delays and cuts what
// passes: by script, call for call, or by chance from a seed.
//
// Threads: as etcd.h says. An error of its own making comes at once, kDeadlineExceeded
// too: that the time has passed is part of the fiction. Delays are real time.
// Its watches must be destroyed before it.
#pragma once

#include "support/delayed_calls.h"

#include <idetcd/etcd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <vector>

namespace idetcd::testing {

enum class EtcdCall { kRange, kTxn, kLeaseGrant, kLeaseRevoke, kKeepAlive, kWatch };

struct Fault {
  enum class Kind {
    kNone,
    kRequestLost,  // no effect, and an error
    kAnswerLost,   // the effect, and an error
    kDelay,        // half of it before the effect, half after; of a watch: all its news come so much later
  };
  Kind kind = Kind::kNone;
  ErrorCode code = ErrorCode::kUnavailable;
  std::chrono::milliseconds delay{0};

  static Fault none() { return {}; }
  static Fault request_lost(ErrorCode code = ErrorCode::kUnavailable) { return {Kind::kRequestLost, code, {}}; }
  static Fault answer_lost(ErrorCode code = ErrorCode::kUnavailable) { return {Kind::kAnswerLost, code, {}}; }
  static Fault delayed(std::chrono::milliseconds delay) { return {Kind::kDelay, {}, delay}; }
};

class FaultyEtcd final : public Etcd {
 public:
  // How likely each is, from 0 to 1, for a call; and for a watch, at each of its batches.
  struct Odds {
    double request_lost = 0;
    double answer_lost = 0;
    double delayed = 0;
    double watch_cut = 0;
    std::chrono::milliseconds most_delay{5};
  };

  explicit FaultyEtcd(std::shared_ptr<Etcd> etcd);
  ~FaultyEtcd() override;

  // The next calls of this kind meet these, in order; later ones meet chance again.
  void script(EtcdCall call, const std::vector<Fault>& faults);
  void set_odds(const Odds& odds, std::uint64_t seed);
  // Every watch ends with kUnavailable; new ones work.
  void cut_watches();
  int faults() const;  // met so far, cut watches too

  Result<RangeReply> range(const RangeRequest&, const CallOptions&) override;
  Result<TxnReply> txn(const Txn&, const CallOptions&) override;
  Result<LeaseGrantReply> lease_grant(LeaseId, std::chrono::seconds ttl, const CallOptions&) override;
  Status lease_revoke(LeaseId, const CallOptions&) override;
  void lease_keep_alive(LeaseId, std::chrono::milliseconds timeout, KeepAliveCallback done) override;
  std::unique_ptr<Watch> watch(const WatchRequest&, WatchCallback) override;

 private:
  class CutWatch;
  struct Line;  // between a watch and its callback

  Fault next_fault(EtcdCall call);
  bool cut_now();
  void cut(const std::shared_ptr<Line>& line);
  void forget(const std::shared_ptr<Line>& line);
  template <class Call>
  auto pass(EtcdCall kind, const CallOptions& options, Call call) -> decltype(call(options));

  const std::shared_ptr<Etcd> etcd_;
  mutable std::mutex mutex_;
  std::array<std::deque<Fault>, 6> scripts_;  // by EtcdCall; guarded by mutex_, as is the rest but later_
  Odds odds_;
  std::mt19937_64 random_;
  int faults_ = 0;
  std::set<std::shared_ptr<Line>> lines_;

  DelayedCalls later_;  // last: its calls use the others
};

}  // namespace idetcd::testing
