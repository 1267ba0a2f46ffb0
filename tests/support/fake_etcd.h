// FakeEtcd: an etcd of one member in memory, faithful enough to pass the contract
// suite that the real one passes, with a network that a test can take away.
//
// Threads: as etcd.h says. Callbacks run on the fake's own thread, one at a time, in
// order. Time is the given clock's alone; with a ManualClock, what falls due has
// taken effect when advance() returns (the callbacks follow soon after).
// Its watches must be destroyed before it.
#pragma once

#include "base/clock.h"
#include "support/fake_store.h"
#include "support/manual_clock.h"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

namespace idetcd::testing {
using namespace internal;

class FakeEtcd final : public Etcd {
 public:
  enum class Network {
    kUp,
    kRefusing,  // calls fail at once with kUnavailable, streams break
    kSilent,    // nothing fails and nothing comes back: calls run into their deadline
  };
  enum class Disk { kFree, kFull };  // kFull: the NOSPACE alarm is on

  struct Counts {
    int range = 0, txn = 0, lease_grant = 0, lease_revoke = 0, keep_alive = 0, watch = 0;
    bool operator==(const Counts&) const = default;
  };

  struct Backup;  // the data and the leases at one time

  explicit FakeEtcd(const Clock& clock = boot_clock());
  ~FakeEtcd() override;

  Result<RangeReply> range(const RangeRequest&, const CallOptions&) override;
  Result<TxnReply> txn(const Txn&, const CallOptions&) override;
  Result<LeaseGrantReply> lease_grant(LeaseId, std::chrono::seconds ttl, const CallOptions&) override;
  Status lease_revoke(LeaseId, const CallOptions&) override;
  void lease_keep_alive(LeaseId, std::chrono::milliseconds timeout, KeepAliveCallback done) override;
  std::unique_ptr<Watch> watch(const WatchRequest&, WatchCallback) override;

  // --- for tests -----------------------------------------------------------------

  // Between client and server: the server lives on, leases end.
  void set_network(Network network);
  // Every watch and unanswered keep-alive ends with kUnavailable; new ones work.
  void break_streams();

  // The process: while it is stopped everything is refused and leases stand still;
  // when it starts again each has its whole time to live before it.
  void stop();
  void start();

  Backup backup() const;
  // The server starts with older data, as another cluster: its revision goes back.
  void restore(const Backup& backup);

  Status compact(Revision at);
  void set_disk(Disk disk);
  void expire(LeaseId lease);  // now
  Revision revision() const;
  std::size_t leases() const;
  Counts counts() const;  // of all calls since the beginning, refused ones too

 private:
  class Subscription;
  struct Lease {
    std::chrono::seconds ttl{0};
    TimePoint ends{};
  };
  struct Watcher {
    KeyRange keys;
    Revision next = 0;
    bool broken = false;  // its last callback is on the way
    WatchCallback callback;
  };
  struct News {
    std::uint64_t watcher;
    Result<WatchBatch> batch;
  };
  struct KeepAlive {
    LeaseId lease;
    TimePoint deadline;
    std::optional<Result<KeepAliveReply>> answer;  // once the server has seen it
    KeepAliveCallback done;
  };
  using Lock = std::unique_lock<std::mutex>;

  template <class Call>
  auto serve(int Counts::*counter, const CallOptions& options, Call call) -> decltype(call());

  Header header() const;
  Error refusal() const;
  bool refusing() const { return network_ == Network::kRefusing || stopped_; }
  void cancel(std::uint64_t watcher);
  void tick();     // what the clock makes due
  void publish();  // what was written, to the watches
  void break_locked();
  Result<KeepAliveReply> refresh(LeaseId lease);

  void run(const std::stop_token& stop);
  bool deliver_keep_alive(Lock& lock);
  bool deliver_news(Lock& lock);
  std::chrono::nanoseconds until_due() const;

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;

  // Guarded by mutex_.
  FakeStore store_;
  std::map<LeaseId, Lease> leases_;
  Network network_ = Network::kUp;
  Disk disk_ = Disk::kFree;
  bool stopped_ = false;
  Counts counts_;
  std::uint64_t cluster_id_;
  std::uint64_t raft_term_ = 2;
  std::uint64_t last_watcher_ = 0;
  std::uint64_t running_ = 0;  // the watcher whose callback is being run; 0: none
  std::map<std::uint64_t, Watcher> watchers_;
  std::deque<News> news_;
  std::list<KeepAlive> keep_alives_;

  std::jthread thread_;
};

struct FakeEtcd::Backup {
  FakeStore store;
  std::map<LeaseId, std::chrono::seconds> leases;  // and their time to live
};

}  // namespace idetcd::testing
