#include "support/fake_etcd.h"

#include "base/backoff.h"
#include "support/fake_txn_check.h"

#include <algorithm>
#include <utility>

namespace idetcd::testing {
using namespace internal;
namespace {

using namespace std::chrono_literals;

// As of an etcd with default settings: less than this it does not grant, more it refuses.
constexpr std::chrono::seconds kMinTtl = 2s;
constexpr std::chrono::seconds kMaxTtl = 9'000'000'000s;

const Error kNoSpace{ErrorCode::kNoSpace, "etcdserver: mvcc: database space exceeded"};
const Error kNoLease{ErrorCode::kNotFound, "etcdserver: requested lease not found"};

bool puts(const Txn& txn) {
  const auto writes = [](const Operation& operation) {
    const auto* nested = std::get_if<std::unique_ptr<Txn>>(&operation);
    return nested ? puts(**nested) : std::holds_alternative<PutRequest>(operation);
  };
  return std::any_of(txn.success.begin(), txn.success.end(), writes) ||
         std::any_of(txn.failure.begin(), txn.failure.end(), writes);
}

}  // namespace

class FakeEtcd::Subscription final : public Watch {
 public:
  Subscription(FakeEtcd& etcd, std::uint64_t watcher) : etcd_(etcd), watcher_(watcher) {}
  ~Subscription() override { etcd_.cancel(watcher_); }

 private:
  FakeEtcd& etcd_;
  const std::uint64_t watcher_;
};

FakeEtcd::FakeEtcd(const Clock& clock) : clock_(clock), cluster_id_(random_seed()) {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  if (const auto* manual = dynamic_cast<const ManualClock*>(&clock_)) {
    manual->listen(this, [this] {
      std::lock_guard lock(mutex_);
      tick();
      changed_.notify_all();
    });
  }
}

FakeEtcd::~FakeEtcd() {
  if (const auto* manual = dynamic_cast<const ManualClock*>(&clock_)) manual->forget(this);
  {
    std::lock_guard lock(mutex_);
    thread_.request_stop();
    changed_.notify_all();
  }
  thread_.join();
  for (KeepAlive& pending : keep_alives_) pending.done(Error{ErrorCode::kCancelled, "this Etcd is gone"});
}

// --- calls ------------------------------------------------------------------------

template <class Call>
auto FakeEtcd::serve(int Counts::*counter, const CallOptions& options, Call call) -> decltype(call()) {
  Lock lock(mutex_);
  ++(counts_.*counter);
  const TimePoint deadline = clock_.now() + options.timeout;
  const auto answers = [this] { return network_ != Network::kSilent || stopped_; };
  while (!options.stop.stop_requested() && !answers() && clock_.now() < deadline) {
    changed_.wait_for(lock, options.stop, deadline - clock_.now(),
                      [&] { return answers() || clock_.now() >= deadline; });
  }
  if (options.stop.stop_requested()) return Error{ErrorCode::kCancelled, "the call was cancelled"};
  if (!answers()) return Error{ErrorCode::kDeadlineExceeded, "etcd did not answer in time"};
  if (refusing()) return refusal();
  tick();
  return call();
}

Result<RangeReply> FakeEtcd::range(const RangeRequest& request, const CallOptions& options) {
  return serve(&Counts::range, options, [&]() -> Result<RangeReply> {
    auto reply = store_.range(request);
    if (reply) reply->header = header();
    return reply;
  });
}

Result<TxnReply> FakeEtcd::txn(const Txn& txn, const CallOptions& options) {
  return serve(&Counts::txn, options, [&]() -> Result<TxnReply> {
    if (auto status = check_txn(txn); !status) return status.error();
    if (disk_ == Disk::kFull && puts(txn)) return kNoSpace;
    auto reply = store_.txn(txn);
    if (reply) reply->header = header();
    publish();
    return reply;
  });
}

Result<LeaseGrantReply> FakeEtcd::lease_grant(LeaseId id, std::chrono::seconds ttl, const CallOptions& options) {
  return serve(&Counts::lease_grant, options, [&]() -> Result<LeaseGrantReply> {
    if (disk_ == Disk::kFull) return kNoSpace;
    if (ttl > kMaxTtl) return Error{ErrorCode::kInvalidArgument, "etcdserver: too large lease TTL"};
    if (!store_.add_lease(id)) return Error{ErrorCode::kAlreadyExists, "etcdserver: lease already exists"};
    const auto granted = std::max(ttl, kMinTtl);
    leases_[id] = {granted, clock_.now() + granted};
    changed_.notify_all();
    return LeaseGrantReply{header(), id, granted};
  });
}

Status FakeEtcd::lease_revoke(LeaseId id, const CallOptions& options) {
  return serve(&Counts::lease_revoke, options, [&]() -> Status {
    if (!store_.remove_lease(id)) return kNoLease;
    leases_.erase(id);
    publish();
    return {};
  });
}

void FakeEtcd::lease_keep_alive(LeaseId id, std::chrono::milliseconds timeout, KeepAliveCallback done) {
  std::lock_guard lock(mutex_);
  ++counts_.keep_alive;
  KeepAlive sent{id, clock_.now() + timeout, {}, std::move(done)};
  if (refusing()) {
    sent.answer = refusal();
  } else if (network_ == Network::kUp) {
    tick();
    sent.answer = refresh(id);
  }
  keep_alives_.push_back(std::move(sent));
  changed_.notify_all();
}

std::unique_ptr<Watch> FakeEtcd::watch(const WatchRequest& request, WatchCallback callback) {
  std::lock_guard lock(mutex_);
  ++counts_.watch;
  const auto number = ++last_watcher_;
  Watcher watcher{request.keys, request.start_revision, refusing(), std::move(callback)};
  if (watcher.next == 0) watcher.next = store_.revision() + 1;
  if (watcher.broken) {
    news_.push_back({number, refusal()});
  } else {
    news_.push_back({number, WatchBatch{header(), {}}});
    if (watcher.next < store_.compacted()) {
      watcher.broken = true;
      news_.push_back({number, Error{ErrorCode::kCompacted, "etcdserver: mvcc: required revision has been compacted: " +
                                                                std::to_string(store_.compacted())}});
    }
  }
  watchers_.emplace(number, std::move(watcher));
  publish();
  changed_.notify_all();
  return std::make_unique<Subscription>(*this, number);
}

void FakeEtcd::cancel(std::uint64_t watcher) {
  decltype(watchers_)::node_type ended;  // its callback may own anything: destroyed without the lock
  Lock lock(mutex_);
  ended = watchers_.extract(watcher);
  changed_.wait(lock, [&] { return running_ != watcher; });
}

// --- the server, with mutex_ held ---------------------------------------------------

Header FakeEtcd::header() const {
  return {cluster_id_, 1, store_.revision(), raft_term_};
}

Error FakeEtcd::refusal() const {
  return {ErrorCode::kUnavailable, stopped_ ? "etcd is stopped" : "etcd cannot be reached"};
}

Result<KeepAliveReply> FakeEtcd::refresh(LeaseId id) {
  const auto lease = leases_.find(id);
  if (lease == leases_.end()) return KeepAliveReply{header(), 0s};
  lease->second.ends = clock_.now() + lease->second.ttl;
  return KeepAliveReply{header(), lease->second.ttl};
}

void FakeEtcd::tick() {
  if (stopped_) return;
  const TimePoint now = clock_.now();
  for (auto it = leases_.begin(); it != leases_.end();) {
    if (it->second.ends > now) {
      ++it;
      continue;
    }
    store_.remove_lease(it->first);
    it = leases_.erase(it);
  }
  publish();
}

void FakeEtcd::publish() {
  for (auto& [number, watcher] : watchers_) {
    if (watcher.broken || watcher.next > store_.revision()) continue;
    auto events = store_.events(watcher.keys, watcher.next);
    watcher.next = store_.revision() + 1;
    if (events.empty()) continue;
    news_.push_back({number, WatchBatch{header(), std::move(events)}});
    changed_.notify_all();
  }
}

void FakeEtcd::break_locked() {
  for (auto& [number, watcher] : watchers_) {
    if (!std::exchange(watcher.broken, true)) news_.push_back({number, refusal()});
  }
  for (KeepAlive& pending : keep_alives_) {
    if (!pending.answer) pending.answer = refusal();
  }
  changed_.notify_all();
}

// --- the thread that calls back -----------------------------------------------------

void FakeEtcd::run(const std::stop_token& stop) {
  Lock lock(mutex_);
  while (!stop.stop_requested()) {
    tick();
    if (deliver_keep_alive(lock) || deliver_news(lock)) continue;
    if (const auto wait = until_due(); wait == std::chrono::nanoseconds::max()) {
      changed_.wait(lock);
    } else {
      changed_.wait_for(lock, wait);
    }
  }
}

bool FakeEtcd::deliver_keep_alive(Lock& lock) {
  const bool silent = network_ == Network::kSilent && !stopped_;
  const TimePoint now = clock_.now();
  for (auto it = keep_alives_.begin(); it != keep_alives_.end(); ++it) {
    if (it->deadline <= now) {
      it->answer = Error{ErrorCode::kDeadlineExceeded, "etcd did not answer in time"};
    } else if (silent) {
      continue;
    } else if (!it->answer) {
      it->answer = refresh(it->lease);
    }
    KeepAlive ready = std::move(*it);
    keep_alives_.erase(it);
    lock.unlock();
    ready.done(*std::move(ready.answer));
    lock.lock();
    return true;
  }
  return false;
}

bool FakeEtcd::deliver_news(Lock& lock) {
  if (news_.empty() || (network_ == Network::kSilent && !stopped_)) return false;
  News news = std::move(news_.front());
  news_.pop_front();
  const auto watcher = watchers_.find(news.watcher);
  if (watcher == watchers_.end()) return true;
  running_ = news.watcher;
  {
    const WatchCallback callback = watcher->second.callback;
    lock.unlock();
    callback(std::move(news.batch));
  }
  lock.lock();
  running_ = 0;
  changed_.notify_all();
  return true;
}

std::chrono::nanoseconds FakeEtcd::until_due() const {
  TimePoint first = TimePoint::max();
  if (!stopped_) {
    for (const auto& [id, lease] : leases_) first = std::min(first, lease.ends);
  }
  for (const KeepAlive& pending : keep_alives_) first = std::min(first, pending.deadline);
  if (first == TimePoint::max()) return std::chrono::nanoseconds::max();
  return std::max<std::chrono::nanoseconds>(first - clock_.now(), 1ms);
}

}  // namespace idetcd::testing
