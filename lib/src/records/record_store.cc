#include <idetcd/record_store.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/mailbox.h"
#include "base/transient.h"
#include "machine/watch_machine.h"
#include "model/pool_keys.h"
#include "records/listing.h"
#include "records/record_set_builder.h"

#include <fmt/format.h>

#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

namespace idetcd {
using namespace internal;  // the implementation
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMaxQueued = 65536;
constexpr auto kProofTime = 1s;  // that etcd's proof of being there may take

struct NumberedBatch {
  std::uint64_t watch;
  Result<WatchBatch> batch;
};

struct Listing {
  Header header;
  RecordSetBuilder records;
  std::vector<SlotId> changed;
};

}  // namespace

// The thread shares it with the handle, which may be destroyed on that very thread, in on_change.
class RecordStore::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(std::shared_ptr<Etcd> etcd, RecordStoreOptions options)
      : etcd_(std::move(etcd)),
        options_(std::move(options)),
        keys_(options_.path, options_.pattern),
        machine_(options_.reconcile, clock_.now(), random_seed()),
        records_(options_.pattern.limit()),
        pid_(::getpid()) {}

  Status first_listing(const std::stop_token& stop);
  Status start();
  void stop();
  bool forked() const noexcept { return ::getpid() != pid_; }

  std::shared_ptr<const RecordSet> snapshot() const {
    std::lock_guard lock(mutex_);
    return set_;
  }

  Staleness staleness() const noexcept {
    const auto since = clock_.now().time_since_epoch() - std::chrono::nanoseconds(whole_until_.load());
    const bool proved = options_.prove_every == 0ms || since < options_.prove_every + kProofTime;
    if (live_.load() && proved) return {true, 0ms};
    return {false, std::chrono::duration_cast<std::chrono::milliseconds>(since)};
  }

 private:
  void run(const std::stop_token& stop);
  void act(const std::stop_token& stop);
  Status list(const std::stop_token& stop);
  Result<Listing> fetch(const std::stop_token& stop);
  void open_watch();
  void on_batch(NumberedBatch& numbered);
  void apply(const WatchBatch& batch);
  void publish();
  void notify(const RecordSet& set) const;
  std::optional<SlotId> slot_of(const std::string& key) const;
  void note_liveness();
  void log(LogLevel level, const std::string& message) const {
    if (options_.log) options_.log(level, message);
  }

  const std::shared_ptr<Etcd> etcd_;
  const RecordStoreOptions options_;
  const PoolKeys keys_;
  const Clock& clock_ = boot_clock();

  // The store thread's own (before start(): the opener's).
  WatchMachine machine_;
  RecordSetBuilder records_;
  std::vector<SlotId> changed_;
  std::unique_ptr<Watch> watch_;
  std::uint64_t watch_number_ = 0;
  const std::shared_ptr<Mailbox<NumberedBatch>> mailbox_ = std::make_shared<Mailbox<NumberedBatch>>(clock_, kMaxQueued);
  bool away_ = false;

  const pid_t pid_;
  mutable std::mutex mutex_;
  std::shared_ptr<const RecordSet> set_ = std::make_shared<const RecordSet>();  // guarded by mutex_
  std::atomic<bool> live_{false};
  std::atomic<std::chrono::nanoseconds::rep> whole_until_{0};

  std::jthread thread_;
};

Status RecordStore::Impl::first_listing(const std::stop_token& stop) {
  Backoff backoff(50ms, 2s, random_seed());
  for (;;) {
    auto listed = list(stop);
    if (listed) return listed;
    if (stop.stop_requested()) return Error{ErrorCode::kCancelled, "reading the records was cancelled"};
    // Compacted between two pages: as good as never begun.
    const ErrorCode code = listed.error().code;
    if (!is_transient(code) && code != ErrorCode::kCompacted) return explained(std::move(listed).error(), keys_);
    if (!std::exchange(away_, true))
      log(LogLevel::kWarning, listed.error().message + "; trying again until it answers");
    mailbox_->take(clock_.now() + backoff.next(), stop);
  }
}

Status RecordStore::Impl::start() {
  try {
    thread_ = std::jthread([self = shared_from_this()](const std::stop_token& stop) { self->run(stop); });
  } catch (const std::system_error& error) {
    return Error{ErrorCode::kExhausted,
                 fmt::format("cannot start the thread that follows the records: {}; raise the limit of processes and "
                             "threads (ulimit -u, pids.max)",
                             error.code().message())};
  }
  return {};
}

void RecordStore::Impl::stop() {
  thread_.request_stop();
  if (thread_.get_id() == std::this_thread::get_id()) {
    thread_.detach();
  } else {
    thread_.join();
  }
}

void RecordStore::Impl::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    act(stop);
    for (NumberedBatch& numbered : mailbox_->take(machine_.wake(), stop)) on_batch(numbered);
    if (mailbox_->take_overflow()) machine_.events_dropped(clock_.now());
    publish();  // once for all that had come
    note_liveness();
  }
  watch_.reset();
}

void RecordStore::Impl::act(const std::stop_token& stop) {
  switch (machine_.next(clock_.now())) {
    case WatchMachine::Act::kNone: return;
    case WatchMachine::Act::kWatch: return open_watch();
    case WatchMachine::Act::kList:
      if (auto listed = list(stop); !listed && !stop.stop_requested()) {
        if (!std::exchange(away_, true))
          log(LogLevel::kWarning, listed.error().message + "; serving the last known records");
      }
  }
}

Status RecordStore::Impl::list(const std::stop_token& stop) {
  auto listing = fetch(stop);
  if (!listing) {
    machine_.list_failed(clock_.now());
    return std::move(listing).error();
  }
  watch_.reset();
  ++watch_number_;
  machine_.listed(listing->header, clock_.now());
  records_ = std::move(listing->records);
  changed_.insert(changed_.end(), listing->changed.begin(), listing->changed.end());
  publish();
  return {};
}

// Applied to a copy: a listing that breaks off halfway changes nothing.
Result<Listing> RecordStore::Impl::fetch(const std::stop_token& stop) {
  Listing listing{{}, records_.fork(), {}};
  std::vector<bool> seen(options_.pattern.limit() + std::size_t{1});
  const auto put_key = [&](const KeyValue& kv) {
    const auto slot = slot_of(kv.key);
    if (!slot) return;
    seen[*slot] = true;
    if (listing.records.put(*slot, kv)) listing.changed.push_back(*slot);
  };
  const auto header = visit_keys(*etcd_, keys_.records(), 0, {.timeout = 10s, .stop = stop}, put_key);
  if (!header) return header.error();
  listing.header = *header;
  for (const SlotId slot : listing.records.known()) {
    if (!seen[slot] && listing.records.erase(slot)) listing.changed.push_back(slot);
  }
  return listing;
}

void RecordStore::Impl::open_watch() {
  watch_.reset();
  watch_ = etcd_->watch({keys_.records(), machine_.resume_revision(), options_.prove_every},
                        [mailbox = mailbox_, number = ++watch_number_](Result<WatchBatch> batch) {
                          const bool ended = !batch;
                          NumberedBatch numbered{number, std::move(batch)};
                          ended ? mailbox->push(std::move(numbered)) : mailbox->push_or_drop(std::move(numbered));
                        });
  machine_.watching();
}

void RecordStore::Impl::on_batch(NumberedBatch& numbered) {
  if (numbered.watch != watch_number_) return;
  const TimePoint now = clock_.now();
  if (!numbered.batch) {
    const Error& error = numbered.batch.error();
    watch_.reset();
    ++watch_number_;
    machine_.watch_failed(error.code, now);
    if (error.code != ErrorCode::kCompacted && !std::exchange(away_, true)) {
      log(LogLevel::kWarning, error.message + "; serving the last known records");
    }
    return;
  }
  const bool continues = machine_.batch(*numbered.batch, now);
  if (std::exchange(away_, false)) log(LogLevel::kInfo, "etcd answers again");
  if (!continues) return log(LogLevel::kWarning, "etcd was restored or replaced; listing the records again");
  apply(*numbered.batch);
}

void RecordStore::Impl::apply(const WatchBatch& batch) {
  for (const Event& event : batch.events) {
    const auto slot = slot_of(event.kv.key);
    if (!slot) continue;
    const bool put = event.type == Event::Type::kPut;
    if (put ? records_.put(*slot, event.kv) : records_.erase(*slot)) changed_.push_back(*slot);
  }
}

void RecordStore::Impl::publish() {
  if (changed_.empty() && snapshot()->revision() != 0) return;
  std::sort(changed_.begin(), changed_.end());
  changed_.erase(std::unique(changed_.begin(), changed_.end()), changed_.end());
  auto set = std::make_shared<const RecordSet>(records_.build(machine_.revision()));
  {
    std::lock_guard lock(mutex_);
    set_ = set;
  }
  notify(*set);
  changed_.clear();
}

void RecordStore::Impl::notify(const RecordSet& set) const {
  if (!options_.on_change) return;
  try {
    options_.on_change(set, changed_);
  } catch (const std::exception& error) {
    log(LogLevel::kError, fmt::format("on_change threw an exception, which is ignored: {}", error.what()));
  } catch (...) {
    log(LogLevel::kError, "on_change threw an exception, which is ignored");
  }
}

std::optional<SlotId> RecordStore::Impl::slot_of(const std::string& key) const {
  const auto name = keys_.record_name(key);
  return name ? options_.pattern.match(*name) : std::nullopt;
}

void RecordStore::Impl::note_liveness() {
  whole_until_.store(machine_.whole_until().time_since_epoch().count());
  live_.store(machine_.live());
}

// --- the handle ----------------------------------------------------------------------

Result<std::unique_ptr<RecordStore>> RecordStore::open(std::shared_ptr<Etcd> etcd, RecordStoreOptions options,
                                                       std::stop_token stop) {
  auto impl = std::make_shared<Impl>(std::move(etcd), std::move(options));
  if (auto listed = impl->first_listing(stop); !listed) return std::move(listed).error();
  if (auto started = impl->start(); !started) return std::move(started).error();
  return std::unique_ptr<RecordStore>(new RecordStore(std::move(impl)));
}

RecordStore::RecordStore(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

// A forked child has no thread to join, and its locks are as the parent's threads left
// them: what it inherited stays where it is.
RecordStore::~RecordStore() {
  if (impl_->forked()) {
    (void)new (std::nothrow) std::shared_ptr<Impl>(std::move(impl_));
  } else {
    impl_->stop();
  }
}

std::shared_ptr<const RecordSet> RecordStore::snapshot() const {
  return impl_->snapshot();
}
Staleness RecordStore::staleness() const noexcept {
  return impl_->staleness();
}

}  // namespace idetcd
