#include "pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace idetcd::resolver {
using namespace std::chrono_literals;
namespace {

LogSink with_prefix(const LogSink& log, const std::string& prefix) {
  if (prefix.empty()) return log;
  return [log, prefix](LogLevel level, std::string_view message) { log(level, fmt::format("{}{}", prefix, message)); };
}

}  // namespace

Pool::Pool(app::PoolSettings settings, PatternTemplate pattern, bool among_others, const LogSink& log)
    : settings_(std::move(settings)),
      pattern_(std::move(pattern)),
      prefix_(among_others ? pattern_.canonical() + ": " : std::string()),
      log_(with_prefix(log, prefix_)) {
  for (const std::string& warning : pattern_.warnings()) log_(LogLevel::kWarning, warning);
}

bool Pool::follow(const std::shared_ptr<Etcd>& etcd, OnChange on_change, const std::stop_token& stop) {
  target_ = std::move(on_change);
  const auto tell = [this](const RecordSet& set, std::span<const SlotId> changed) {
    const std::lock_guard lock(telling_);
    target_(set, changed);
  };
  RecordStoreOptions options{.pattern = pattern_, .path = settings_.path, .on_change = tell, .log = log_};
  options.prove_every = std::clamp<std::chrono::milliseconds>(settings_.ttl / 5, 1s, options.prove_every);
  auto store = RecordStore::open(etcd, std::move(options), stop);
  if (!store) {
    if (store.error().code == ErrorCode::kCancelled) return false;
    throw app::Exit(app::exit_status_of(store.error().code), prefix_ + store.error().message);
  }
  store_ = std::move(*store);
  store_there_ = store_.get();
  note_malformed();
  return true;
}

void Pool::retarget(OnChange on_change) {
  const std::lock_guard lock(telling_);
  target_ = std::move(on_change);
  // A change that waits to be told is among these, or told again after them.
  const auto records = store_->snapshot();
  std::vector<SlotId> all;
  records->for_each([&](const NamedRecord& record) { all.push_back(record.slot); });
  target_(*records, all);
}

void Pool::publish(app::Publication publication) {
  {
    const std::lock_guard lock(mutex_);
    if (publication.record == publication_.record) return;
    publication_ = publication;
  }
  if (!registration_) return;
  if (!publication.warning.empty()) log_(LogLevel::kWarning, publication.warning);
  log_(LogLevel::kInfo, fmt::format("publishing {} from now on", publication.addresses));
  if (auto updated = registration_->update(publication.record); !updated)
    log_(LogLevel::kWarning, fmt::format("the record is not in etcd yet: {}", updated.error().message));
}

std::string Pool::addresses() const {
  const std::lock_guard lock(mutex_);
  return publication_.addresses;
}

void Pool::claim(const std::shared_ptr<Etcd>& etcd, app::Publication publication, PoolEvents events) {
  events_ = std::move(events);
  {
    const std::lock_guard lock(mutex_);
    publication_ = publication;
  }
  if (!publication.warning.empty()) log_(LogLevel::kWarning, publication.warning);
  RegistrationOptions options;
  options.claim = app::claim_options(settings_, log_, [this](std::size_t position) { on_position(position); });
  options.on_lost_do = settings_.on_lost == app::OnLostPolicy::kReclaim ? OnLost::kReclaim : OnLost::kStop;
  options.on_claimed = [this](const Ownership& ownership) { on_claimed(ownership); };
  options.on_lost = [this](std::string_view) { on_lost(); };
  options.on_ended = [this](const Error& error) { on_ended(error); };
  auto started = Registration::start(etcd, pattern_, std::move(options), std::move(publication.record));
  if (!started) return on_ended(started.error());
  const std::lock_guard lock(mutex_);
  registration_ = std::make_unique<Registration>(std::move(*started));
}

std::optional<app::Exit> Pool::wait_over() const {
  if (claims_ > 0) return std::nullopt;
  const PoolStats now = stats();
  const app::Exit exit = app::wait_failure(settings_, now.etcd_live ? now.queue_position : 0);
  return app::Exit(exit.status(), prefix_ + exit.what());
}

void Pool::release() {
  if (!registration_) return;
  if (auto released = registration_->release(); !released) {
    log_(LogLevel::kWarning,
         fmt::format("cannot release the name; it stays taken until its lease ends: {}", released.error().message));
  }
}

void Pool::leave() {
  if (settings_.on_stop == app::OnStopPolicy::kRelease) return release();
  if (!registration_) return;
  const std::string name = claimed_name();
  registration_->leave();
  if (!name.empty())
    log_(LogLevel::kInfo, fmt::format("{} is kept for a successor with state-dir {}, until its lease ends", name,
                                      settings_.state_dir.string()));
}

void Pool::note_malformed() {
  if (!store_) return;
  const std::size_t now = store_->snapshot()->malformed();
  if (std::exchange(malformed_, now) == now) return;
  if (now == 0) return log_(LogLevel::kInfo, "all records in etcd can be read again");
  log_(LogLevel::kWarning, fmt::format("{} {} of the pool cannot be read and {} left out; `idetcd ls` shows which", now,
                                       now == 1 ? "record" : "records", now == 1 ? "is" : "are"));
}

void Pool::stop() {
  {
    const std::lock_guard lock(telling_);
    target_ = [](const RecordSet&, std::span<const SlotId>) {};
  }
  std::unique_ptr<Registration> ended;  // outside the lock, which its callbacks take
  const std::lock_guard lock(mutex_);
  ended = std::move(registration_);
}

std::string Pool::claimed_name() const {
  return claimed_ ? std::string(pattern_.render(slot_)) : std::string();
}

std::size_t Pool::position() const noexcept {
  return position_;
}

PoolStats Pool::stats() const {
  PoolStats stats{.pool = pattern_.canonical(), .limit = pattern_.limit(), .claims = settings_.claim};
  if (const RecordStore* store = store_there_) {
    const auto records = store->snapshot();
    const Staleness staleness = store->staleness();
    stats.members = records->size();
    stats.malformed_records = records->malformed();
    stats.etcd_revision = records->revision();
    stats.etcd_live = staleness.live;
    stats.etcd_behind_seconds = std::chrono::duration<double>(staleness.behind).count();
  }
  {
    const std::lock_guard lock(mutex_);
    stats.claim_held = registration_ && registration_->held();
  }
  stats.claim_slot = slot_;
  stats.queue_position = position_;
  stats.claims_total = claims_;
  stats.claim_losses_total = losses_;
  return stats;
}

void Pool::on_position(std::size_t position) {
  position_ = position;
  events_.on_claim_changed();
}

void Pool::on_claimed(const Ownership& ownership) {
  slot_ = ownership.slot;
  claimed_ = true;
  position_ = 0;
  ++claims_;
  log_(LogLevel::kInfo,
       fmt::format("claimed {} -> {}; slot {} of {}, lease {:x}, ttl {}s", ownership.name, addresses(), ownership.slot,
                   pattern_.limit(), static_cast<std::uint64_t>(ownership.lease), ownership.ttl.count()));
  events_.on_claim_changed();
}

// The claim has logged it already, with the reason.
void Pool::on_lost() {
  claimed_ = false;
  ++losses_;
  events_.on_claim_changed();
}

void Pool::on_ended(const Error& error) {
  if (error.code == ErrorCode::kLost && settings_.on_lost == app::OnLostPolicy::kServeOnly) {
    log_(LogLevel::kWarning, "still serving, without a name (--on-lost serve-only)");
    return;
  }
  const app::Exit exit = app::claim_failure(settings_, error, position_.exchange(0));
  events_.on_ended(app::Exit(exit.status(), prefix_ + exit.what()));
}

}  // namespace idetcd::resolver
