#include "support/faulty_etcd.h"

#include <algorithm>
#include <condition_variable>
#include <utility>

namespace idetcd::testing {
namespace {

using namespace std::chrono_literals;
using Kind = Fault::Kind;
using Steady = std::chrono::steady_clock;

Error error_of(const Fault& fault) {
  return {fault.code, fault.kind == Kind::kRequestLost ? "the request was lost" : "the answer was lost"};
}

// False: `options` did not allow that long.
bool wait(std::chrono::nanoseconds time, Steady::time_point deadline, const std::stop_token& stop) {
  const auto until = std::min(Steady::now() + time, deadline);
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_until(lock, stop, until, [] { return false; });
  return !stop.stop_requested() && Steady::now() < deadline;
}

Error ended_by(const std::stop_token& stop) {
  if (stop.stop_requested()) return {ErrorCode::kCancelled, "the call was cancelled"};
  return {ErrorCode::kDeadlineExceeded, "the answer was too late"};
}

}  // namespace

FaultyEtcd::FaultyEtcd(std::shared_ptr<Etcd> etcd) : etcd_(std::move(etcd)) {}
FaultyEtcd::~FaultyEtcd() = default;

// --- what goes wrong --------------------------------------------------------------

void FaultyEtcd::script(EtcdCall call, const std::vector<Fault>& faults) {
  std::lock_guard lock(mutex_);
  auto& script = scripts_.at(static_cast<std::size_t>(call));
  script.insert(script.end(), faults.begin(), faults.end());
}

void FaultyEtcd::set_odds(const Odds& odds, std::uint64_t seed) {
  std::lock_guard lock(mutex_);
  odds_ = odds;
  random_.seed(seed);
}

int FaultyEtcd::faults() const {
  std::lock_guard lock(mutex_);
  return faults_;
}

Fault FaultyEtcd::next_fault(EtcdCall call) {
  std::lock_guard lock(mutex_);
  Fault fault;
  auto& script = scripts_.at(static_cast<std::size_t>(call));
  if (!script.empty()) {
    fault = script.front();
    script.pop_front();
  } else {
    const double draw = std::uniform_real_distribution<>(0, 1)(random_);
    const auto code = random_() % 2 == 0 ? ErrorCode::kUnavailable : ErrorCode::kDeadlineExceeded;
    if (draw < odds_.request_lost) {
      fault = Fault::request_lost(code);
    } else if (draw < odds_.request_lost + odds_.answer_lost) {
      fault = Fault::answer_lost(code);
    } else if (draw < odds_.request_lost + odds_.answer_lost + odds_.delayed) {
      const auto most = static_cast<std::uint64_t>(odds_.most_delay.count());
      fault = Fault::delayed(std::chrono::milliseconds(random_() % (most + 1)));
    }
  }
  if (fault.kind != Kind::kNone) ++faults_;
  return fault;
}

bool FaultyEtcd::cut_now() {
  std::lock_guard lock(mutex_);
  return std::uniform_real_distribution<>(0, 1)(random_) < odds_.watch_cut;
}

// --- calls --------------------------------------------------------------------------

template <class Call>
auto FaultyEtcd::pass(EtcdCall kind, const CallOptions& options, Call call) -> decltype(call(options)) {
  const Fault fault = next_fault(kind);
  if (fault.kind == Kind::kRequestLost) return error_of(fault);
  const auto deadline = Steady::now() + options.timeout;
  CallOptions rest = options;
  if (fault.kind == Kind::kDelay) {
    if (!wait(fault.delay / 2, deadline, options.stop)) return ended_by(options.stop);
    rest.timeout = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Steady::now());
  }
  auto result = call(rest);
  if (fault.kind == Kind::kAnswerLost) return error_of(fault);
  if (fault.kind == Kind::kDelay && !wait(fault.delay / 2, deadline, options.stop)) return ended_by(options.stop);
  return result;
}

Result<RangeReply> FaultyEtcd::range(const RangeRequest& request, const CallOptions& options) {
  return pass(EtcdCall::kRange, options, [&](const CallOptions& rest) { return etcd_->range(request, rest); });
}

Result<TxnReply> FaultyEtcd::txn(const Txn& txn, const CallOptions& options) {
  return pass(EtcdCall::kTxn, options, [&](const CallOptions& rest) { return etcd_->txn(txn, rest); });
}

Result<LeaseGrantReply> FaultyEtcd::lease_grant(LeaseId id, std::chrono::seconds ttl, const CallOptions& options) {
  return pass(EtcdCall::kLeaseGrant, options,
              [&](const CallOptions& rest) { return etcd_->lease_grant(id, ttl, rest); });
}

Status FaultyEtcd::lease_revoke(LeaseId id, const CallOptions& options) {
  return pass(EtcdCall::kLeaseRevoke, options, [&](const CallOptions& rest) { return etcd_->lease_revoke(id, rest); });
}

void FaultyEtcd::lease_keep_alive(LeaseId id, std::chrono::milliseconds timeout, KeepAliveCallback done) {
  const Fault fault = next_fault(EtcdCall::kKeepAlive);
  switch (fault.kind) {
    case Kind::kNone: return etcd_->lease_keep_alive(id, timeout, std::move(done));
    case Kind::kRequestLost: return later_.run_after(0ms, [fault, done = std::move(done)] { done(error_of(fault)); });
    case Kind::kAnswerLost:
      return etcd_->lease_keep_alive(
          id, timeout, [fault, done = std::move(done)](const Result<KeepAliveReply>&) { done(error_of(fault)); });
    case Kind::kDelay:
      return later_.run_after(fault.delay, [this, id, timeout, fault, done = std::move(done)]() mutable {
        if (fault.delay >= timeout) return done(ended_by({}));
        etcd_->lease_keep_alive(id, timeout - fault.delay, std::move(done));
      });
  }
}

// --- watches --------------------------------------------------------------------------

struct FaultyEtcd::Line {
  std::mutex mutex;  // held while the callback runs, so that it runs once at a time and not after the end
  bool ended = false;
  WatchCallback callback;

  void carry(Result<WatchBatch> news) {
    std::lock_guard lock(mutex);
    if (ended) return;
    ended = !news.has_value();
    callback(std::move(news));
  }
};

class FaultyEtcd::CutWatch final : public Watch {
 public:
  CutWatch(FaultyEtcd& etcd, std::shared_ptr<Line> line) : etcd_(etcd), line_(std::move(line)) {}
  ~CutWatch() override {
    WatchCallback unused;  // may own anything: destroyed without the lock
    {
      std::lock_guard lock(line_->mutex);
      line_->ended = true;
      unused = std::exchange(line_->callback, nullptr);
    }
    watch_.reset();
    etcd_.forget(line_);
  }
  void hold(std::unique_ptr<Watch> watch) { watch_ = std::move(watch); }

 private:
  FaultyEtcd& etcd_;
  const std::shared_ptr<Line> line_;
  std::unique_ptr<Watch> watch_;  // none: the request was lost
};

void FaultyEtcd::cut(const std::shared_ptr<Line>& line) {
  {
    std::lock_guard lock(mutex_);
    ++faults_;
  }
  later_.run_after(0ms, [line] { line->carry(Error{ErrorCode::kUnavailable, "the watch was cut"}); });
}

void FaultyEtcd::forget(const std::shared_ptr<Line>& line) {
  std::lock_guard lock(mutex_);
  lines_.erase(line);
}

void FaultyEtcd::cut_watches() {
  std::set<std::shared_ptr<Line>> lines;
  {
    std::lock_guard lock(mutex_);
    lines = lines_;
  }
  for (const auto& line : lines) cut(line);
}

std::unique_ptr<Watch> FaultyEtcd::watch(const WatchRequest& request, WatchCallback callback) {
  const Fault fault = next_fault(EtcdCall::kWatch);
  auto line = std::make_shared<Line>();
  line->callback = std::move(callback);
  {
    std::lock_guard lock(mutex_);
    lines_.insert(line);
  }
  auto watch = std::make_unique<CutWatch>(*this, line);
  if (fault.kind == Kind::kRequestLost || fault.kind == Kind::kAnswerLost) {
    later_.run_after(0ms, [line, fault] { line->carry(error_of(fault)); });
    return watch;
  }
  watch->hold(etcd_->watch(request, [this, line, fault](Result<WatchBatch> news) {
    if (fault.kind == Kind::kDelay) {
      later_.run_after(fault.delay, [line, news = std::move(news)] { line->carry(news); });
    } else {
      line->carry(std::move(news));
    }
    if (cut_now()) cut(line);
  }));
  return watch;
}

}  // namespace idetcd::testing
