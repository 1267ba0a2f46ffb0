#include <idetcd/registration.h>

#include "claim/claim_keeper.h"
#include "claim/claim_run.h"

#include <unistd.h>
#include <mutex>
#include <thread>

namespace idetcd {
using namespace internal;  // the implementation
namespace {

using namespace std::chrono_literals;

Ownership ownership_of(const ClaimKeeper& keeper) {
  const HeldSlot& slot = keeper.slot();
  return {slot.owned.slot, slot.name, slot.node_id, slot.owned.token, slot.session->id(), keeper.ttl()};
}

}  // namespace

class Registration::Impl {
 public:
  Impl(std::shared_ptr<Etcd> etcd, PatternTemplate pattern, RegistrationOptions options, Record record)
      : setting_{.etcd = std::move(etcd),
                 .pattern = std::move(pattern),
                 .options = options.claim,
                 .clock = &boot_clock()},
        options_(std::move(options)),
        record_(std::move(record)),
        pid_(::getpid()),
        thread_([this](const std::stop_token& stop) { run(stop); }) {}

  ~Impl() { (void)release(2s); }

  bool forked() const noexcept { return ::getpid() != pid_; }

  bool held() const noexcept {
    const auto keeper = current();
    return keeper && keeper->held();
  }

  Status update(const Record& record) {
    if (auto valid = validate(record); !valid) return valid;
    std::shared_ptr<ClaimKeeper> keeper;
    {
      std::lock_guard lock(mutex_);
      record_ = record;
      ++record_version_;
      keeper = keeper_;
    }
    // Without a claim now, the next one will carry it.
    if (!keeper) return {};
    auto updated = keeper->update(record);
    if (!updated && updated.error().code == ErrorCode::kLost) return {};
    return updated;
  }

  Status release(std::chrono::milliseconds at_most) {
    if (forked()) return {};
    std::lock_guard once(release_mutex_);
    if (thread_.joinable()) {
      thread_.request_stop();
      thread_.join();
    }
    const auto keeper = current();
    return keeper ? keeper->release(at_most) : Status{};
  }

 private:
  void run(const std::stop_token& stop) {
    Backoff pause(200ms, 5s, random_seed());
    while (!stop.stop_requested()) {
      if (auto claimed = claim(stop); !claimed) {
        if (claimed.error().code != ErrorCode::kCancelled && options_.on_ended) options_.on_ended(claimed.error());
        return;
      }
      const TimePoint since = setting_.clock->now();
      follow(stop);
      if (stop.stop_requested()) return;  // release() gives the slot back
      const std::string reason = current()->loss_reason();
      forget();
      if (options_.on_lost_do == OnLost::kStop) {
        if (options_.on_ended) options_.on_ended(Error{ErrorCode::kLost, reason});
        return;
      }
      if (setting_.clock->now() - since > 60s) pause.reset();
      Mailbox<Nudge>().take(pause.next(), stop);  // a wait that a stop ends
    }
  }

  Status claim(const std::stop_token& stop) {
    Record record;
    std::uint64_t version = 0;
    {
      std::lock_guard lock(mutex_);
      record = record_;
      version = record_version_;
    }
    auto slot = ClaimRun(setting_, record, stop).run();
    if (!slot) return std::move(slot).error();
    auto keeper = std::make_shared<ClaimKeeper>(std::move(*slot));
    {
      std::lock_guard lock(mutex_);
      keeper_ = keeper;
      record = record_;
      version = record_version_ - version;
    }
    if (version != 0) (void)keeper->update(record);  // changed while we were claiming
    return {};
  }

  // Reports every change until the claim is gone or we are stopped.
  void follow(const std::stop_token& stop) {
    const auto keeper = current();
    bool told_held = true;
    if (options_.on_claimed) options_.on_claimed(ownership_of(*keeper));
    auto phase = ClaimKeeper::Phase::kHeld;
    while (!stop.stop_requested() && phase != ClaimKeeper::Phase::kGone) {
      phase = keeper->wait_change(phase, stop);
      if (stop.stop_requested()) return;
      const bool is_held = phase == ClaimKeeper::Phase::kHeld;
      if (is_held == std::exchange(told_held, is_held)) continue;
      if (is_held && options_.on_claimed) options_.on_claimed(ownership_of(*keeper));
      if (!is_held && options_.on_lost) options_.on_lost(keeper->loss_reason());
    }
  }

  // Ends the lost claim for good; whatever is left of it must not stand in the way
  // of the next.
  void forget() {
    std::shared_ptr<ClaimKeeper> keeper;
    {
      std::lock_guard lock(mutex_);
      keeper.swap(keeper_);
    }
    setting_.predecessor = keeper->slot().session->id();
    setting_.predecessor_slot = keeper->slot().owned.slot;
    setting_.options.node_id = keeper->slot().node_id;
    (void)keeper->release(2s);
  }

  std::shared_ptr<ClaimKeeper> current() const noexcept {
    std::lock_guard lock(mutex_);
    return keeper_;
  }

  ClaimSetting setting_;
  const RegistrationOptions options_;
  mutable std::mutex mutex_;
  Record record_;  // guarded by mutex_, as are the next two
  std::uint64_t record_version_ = 0;
  std::shared_ptr<ClaimKeeper> keeper_;
  std::mutex release_mutex_;
  const pid_t pid_;
  std::jthread thread_;  // last: starts when all else stands
};

Registration::Registration(std::shared_ptr<Etcd> etcd, PatternTemplate pattern, RegistrationOptions options,
                           Record record)
    : impl_(std::make_unique<Impl>(std::move(etcd), std::move(pattern), std::move(options), std::move(record))) {}

Registration::~Registration() {
  if (impl_->forked()) (void)impl_.release();
}

bool Registration::held() const noexcept {
  return impl_->held();
}
Status Registration::update(const Record& record) {
  return impl_->update(record);
}
Status Registration::release() {
  return impl_->release(std::chrono::seconds(5));
}

}  // namespace idetcd
