#include "claim_run.h"

#include "call_outcome.h"
#include "claim_options.h"
#include "machine/waiting_room.h"
#include "model/node_entry.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace idetcd {
namespace {

using namespace std::chrono_literals;

constexpr auto kFirstPause = 20ms;
constexpr auto kMostPause = 2000ms;
constexpr std::chrono::milliseconds kMostPatience = 60s;
constexpr auto kRelist = 60s;  // a waiting claimant's own check that no event was lost

LeaseId new_lease_id() { return static_cast<LeaseId>(random_seed() >> 1) | 1; }

std::string new_node_id() { return fmt::format("{:016x}", random_seed()); }

std::string address_of(const Record& record) {
  if (!record.ipv4.empty()) return to_string(record.ipv4.front());
  if (!record.ipv6.empty()) return to_string(record.ipv6.front());
  return {};
}

std::uint64_t stable_hash(std::string_view text, std::uint64_t hash) {
  for (const unsigned char c : text) hash = (hash ^ c) * 1099511628211ULL;
  return hash;
}

}  // namespace

LeaseId grace_lease_id(std::string_view pool, std::string_view node_id) {
  auto hash = stable_hash(pool, 14695981039346656037ULL);
  hash = stable_hash(node_id, hash ^ 0xff);
  return static_cast<LeaseId>(hash >> 1) | 1;
}

ClaimRun::ClaimRun(ClaimSetting setting, const Record& record, std::stop_token stop)
    : setting_(std::move(setting)),
      record_(record),
      stop_(std::move(stop)),
      backoff_(kFirstPause, kMostPause, random_seed()) {}

Result<HeldSlot> ClaimRun::run() {
  if (auto ready = prepare(); !ready) return std::move(ready).error();
  auto done = resume();
  while (done && !*done) done = one_session();
  if (!done) {
    if (held_.session) (void)setting_.etcd->lease_revoke(held_.session->id(), {.timeout = 1000ms});
    return std::move(done).error();
  }
  return std::move(held_);
}

Status ClaimRun::prepare() {
  const ClaimOptions& options = setting_.options;
  if (auto checked = check(options); !checked) return checked;
  record_.node.clear();
  if (auto valid = validate(record_); !valid) return valid;
  held_.etcd = setting_.etcd;
  held_.keys = std::make_shared<const PoolKeys>(options.path, setting_.pattern);
  held_.clock = setting_.clock;
  held_.log = options.log;
  held_.mailbox = std::make_shared<ClaimMailbox>();
  if (!options.state_dir.empty()) {
    auto file = StateFile::open(options.state_dir, options.path + setting_.pattern.canonical());
    if (!file) return std::move(file).error();
    held_.state.emplace(std::move(*file));
    saved_ = held_.state->load().value_or(SavedClaim{});
  }
  held_.node_id = !options.node_id.empty() ? options.node_id : saved_.node_id;
  if (held_.node_id.empty()) held_.node_id = new_node_id();
  if (saved_.node_id != held_.node_id) saved_ = SavedClaim{.node_id = held_.node_id};
  if (saved_.lease != 0) predecessor_until_ = setting_.clock->now() + options.ttl + 2s;
  record_.node = held_.node_id;
  record_.token = 0;
  return {};
}

// Our own former run's lease, if it still lives and that run is surely dead: then
// the slot is taken over with a new token and was never free in between.
Result<bool> ClaimRun::resume() {
  if (saved_.lease == 0 || !saved_.owner_is_dead) return false;
  if (auto known = find_slot_of_saved(); !known) return std::move(known).error();
  if (saved_.slot == 0 || saved_.slot > setting_.pattern.limit()) return false;
  auto renewal = insist("resuming the lease", [&] { return renew_now(*setting_.etcd, *setting_.clock, saved_.lease, call()); });
  if (!renewal) return std::move(renewal).error();
  if (renewal->ttl.count() <= 0) return false;
  held_.session.emplace(*setting_.etcd, *setting_.clock, held_.mailbox, saved_.lease, renewal->ttl, renewal->sent);
  record_.ttl = renewal->ttl;

  const std::string node = held_.keys->node(held_.node_id);
  const std::string record = held_.keys->record(setting_.pattern.render(saved_.slot));
  Txn txn;
  txn.compares.push_back(Compare::lease_is(node, saved_.lease));
  if (saved_.token != 0) txn.compares.push_back(Compare::modified_at(node, saved_.token));
  txn.compares.push_back(Compare::lease_is(record, saved_.lease));
  txn.success.emplace_back(PutRequest{node, node_value(saved_.slot), saved_.lease});
  txn.success.emplace_back(PutRequest{record, to_json(record_), saved_.lease});
  auto reply = insist("resuming the claim", [&] { return setting_.etcd->txn(txn, call()); });
  if (!reply) return std::move(reply).error();
  if (!reply->succeeded) {
    held_.session.reset();
    return false;
  }
  if (setting_.options.sticky.count() > 0) {
    if (auto granted = grant_grace(); !granted) return std::move(granted).error();
  }
  return settle(Owned{saved_.slot, reply->header.revision}, *reply);
}

// A run that was killed before its claim's answer was written down may own a slot.
Status ClaimRun::find_slot_of_saved() {
  if (saved_.token != 0) return {};
  const RangeRequest request{.keys = KeyRange::one(held_.keys->node(held_.node_id))};
  auto reply = insist("looking for the former claim", [&] { return setting_.etcd->range(request, call()); });
  if (!reply) return std::move(reply).error();
  const bool ours = !reply->kvs.empty() && reply->kvs.front().lease == saved_.lease;
  const auto entry = ours ? parse_node_entry(reply->kvs.front().value) : std::nullopt;
  if (entry) {
    saved_.slot = entry->slot;
  } else {
    saved_.lease = 0;
  }
  return {};
}

// One lease and what is claimed under it; false: the lease ended before, try anew.
Result<bool> ClaimRun::one_session() {
  if (held_.session) (void)setting_.etcd->lease_revoke(held_.session->id(), call());  // its ticket must not stay
  if (auto granted = grant(); !granted) return std::move(granted).error();
  if (auto saved = save(saved_.slot, 0); !saved) return std::move(saved).error();
  auto home = find_home();
  if (!home) return std::move(home).error();
  record_.ttl = held_.session->machine().ttl();
  ClaimPlan plan(*held_.keys, setting_.pattern,
                 ClaimIntent{.node_id = held_.node_id,
                             .address = address_of(record_),
                             .record = to_json(record_),
                             .session = held_.session->id(),
                             .grace = held_.grace ? held_.grace->id() : 0,
                             .home = *home});
  return claim_with(plan);
}

Status ClaimRun::grant() {
  auto session = grant_one(new_lease_id(), setting_.options.ttl, false);
  if (!session) return std::move(session).error();
  held_.session.emplace(std::move(*session));
  return setting_.options.sticky.count() > 0 ? grant_grace() : Status{};
}

Status ClaimRun::grant_grace() {
  const ClaimOptions& options = setting_.options;
  const LeaseId id = grace_lease_id(options.path + setting_.pattern.canonical(), held_.node_id);
  auto grace = grant_one(id, options.ttl + options.sticky, true);
  if (!grace) return std::move(grace).error();
  held_.grace.emplace(std::move(*grace));
  return {};
}

// The id is ours, so that a grant whose answer was lost is recognised.
Result<KeptLease> ClaimRun::grant_one(LeaseId id, std::chrono::seconds ttl, bool ours_if_there) {
  for (;;) {
    TimePoint sent{};
    auto grant = insist("granting a lease", [&] {
      sent = setting_.clock->now();
      auto reply = setting_.etcd->lease_grant(id, ttl, call());
      if (!reply && is_transient(reply.error().code)) ours_if_there = true;
      return reply;
    });
    if (grant) return KeptLease(*setting_.etcd, *setting_.clock, held_.mailbox, id, grant->ttl, sent);
    if (grant.error().code != ErrorCode::kAlreadyExists) return std::move(grant).error();
    if (!ours_if_there) {
      id = new_lease_id();
      continue;
    }
    auto renewal = insist("renewing a lease", [&] { return renew_now(*setting_.etcd, *setting_.clock, id, call()); });
    if (!renewal) return std::move(renewal).error();
    // Ended between the two calls: grant it again.
    if (renewal->ttl.count() > 0) {
      return KeptLease(*setting_.etcd, *setting_.clock, held_.mailbox, id, renewal->ttl, renewal->sent);
    }
  }
}

Result<std::optional<SlotId>> ClaimRun::find_home() {
  if (!held_.grace) return std::optional<SlotId>{};
  if (saved_.slot != 0 && saved_.slot <= setting_.pattern.limit()) return std::optional<SlotId>{saved_.slot};
  const RangeRequest request{.keys = KeyRange::one(held_.keys->home(held_.node_id))};
  auto reply = insist("looking for the former slot", [&] { return setting_.etcd->range(request, call()); });
  if (!reply) return std::move(reply).error();
  if (reply->kvs.empty()) return std::optional<SlotId>{};
  const std::string& text = reply->kvs.front().value;
  SlotId slot = 0;
  std::from_chars(text.data(), text.data() + text.size(), slot);
  if (slot == 0 || slot > setting_.pattern.limit()) return std::optional<SlotId>{};
  return std::optional<SlotId>{slot};
}

Result<bool> ClaimRun::claim_with(ClaimPlan& plan) {
  for (;;) {
    if (held_.session->machine().ended()) return false;
    auto reply = setting_.etcd->txn(plan.transaction(), call());
    if (!reply) {
      const Error& error = reply.error();
      if (error.code == ErrorCode::kNotFound) return false;  // the lease has ended
      if (error.code == ErrorCode::kTooManyOperations && plan.shorten_chain()) continue;
      if (!is_transient(error.code)) return std::move(reply).error();
      plan.outcome_unknown();
      say_away("claiming", error);
      if (auto waited = pause(); !waited) return std::move(waited).error();
      continue;
    }
    say_back();
    const ClaimOutcome outcome = plan.take(*reply);
    if (const auto* owned = std::get_if<Owned>(&outcome)) return settle(*owned, *reply);
    if (const auto* taken = std::get_if<Taken>(&outcome)) {
      if (auto yielded = yield_to_predecessor(*taken); !yielded) return std::move(yielded).error();
    } else if (const auto* ranked = std::get_if<Ranked>(&outcome)) {
      if (ranked->rank <= ranked->free) continue;
      const auto turn = wait_for_turn(plan, *ranked);
      if (!turn) return turn.error();
      if (*turn == Turn::kSessionEnded) return false;
      if (*turn == Turn::kFull) return pool_is_full();
    } else {
      return Error{ErrorCode::kInternal, "etcd's answer to the claim does not fit the question; is it an etcd v3?"};
    }
  }
}

std::string ClaimRun::node_value(SlotId slot) const { return to_json(NodeEntry{slot, address_of(record_)}); }

Error ClaimRun::pool_is_full() const {
  return Error{ErrorCode::kFull, fmt::format("every one of the {} slots of {} is taken; raise the limit, or wait for one",
                                             setting_.pattern.limit(), setting_.pattern.canonical())};
}

Result<bool> ClaimRun::settle(const Owned& owned, const TxnReply& reply) {
  held_.owned = owned;
  held_.name = std::string(setting_.pattern.render(owned.slot));
  held_.record_revision = owned.token;
  held_.cluster_id = reply.header.cluster_id;
  if (auto saved = save(owned.slot, owned.token); !saved) log(LogLevel::kWarning, saved.error().message);
  return true;
}

// The node entry is somebody else's, or what an earlier run of ours left behind: that
// is revoked if we know it to be dead, and waited out if it may be.
Status ClaimRun::yield_to_predecessor(const Taken& taken) {
  const bool dead_run = taken.lease == saved_.lease && saved_.owner_is_dead;
  if (taken.lease != 0 && (taken.lease == setting_.predecessor || dead_run)) {
    auto revoked = setting_.etcd->lease_revoke(taken.lease, call());
    if (revoked || revoked.error().code == ErrorCode::kNotFound) return {};
    if (!is_transient(revoked.error().code)) return revoked;
    return pause();
  }
  if (taken.lease == saved_.lease && taken.lease != 0 && setting_.clock->now() < predecessor_until_) return pause();
  return Error{ErrorCode::kDuplicateNode,
               fmt::format("node id '{}' is in use by {} (slot {}), and this is {}; give each node its own node-id, "
                           "or wait {} s if that is an earlier run of this node (a state-dir lets it resume at once)",
                           held_.node_id, taken.address.empty() ? "another node" : taken.address, taken.slot,
                           address_of(record_), setting_.options.ttl.count())};
}

Result<bool> ClaimRun::list(WaitingRoom& room) {
  auto reply = insist("listing the queue", [&] { return setting_.etcd->txn(room.listing(), call()); });
  if (!reply) return std::move(reply).error();
  return room.load(*reply);
}

// Waits until our ticket is among the first as many as slots are free. A pool where
// that can not be for lack of any free slot is full; one with free slots that belong
// to older tickets will be decided within their leases' time.
Result<ClaimRun::Turn> ClaimRun::wait_for_turn(ClaimPlan& plan, const Ranked& ranked) {
  const bool may_wait = setting_.options.on_full == OnFull::kWait;
  if (ranked.free == 0 && !may_wait) return Turn::kFull;
  WaitingRoom room(*held_.keys, setting_.pattern, held_.node_id);
  std::size_t told = 0;
  for (;;) {
    const auto listed = list(room);
    if (!listed) return listed.error();
    if (!*listed) return Turn::kSessionEnded;
    bool whole = true;
    const auto watches = follow(room);
    const TimePoint relist = setting_.clock->now() + kRelist;
    while (whole && setting_.clock->now() < relist) {
      if (stop_.stop_requested()) return cancelled();
      if (!room.queued() || held_.session->machine().ended()) return Turn::kSessionEnded;
      if (room.my_turn()) {
        plan.aim(room.occupancy(), room.rank());
        return Turn::kOurs;
      }
      if (!may_wait && room.occupancy().free() == 0) return Turn::kFull;
      if (setting_.options.on_position && room.rank() != told) setting_.options.on_position(told = room.rank());
      whole = apply_news(room, watches.first_number, relist - setting_.clock->now());
    }
    if (!whole) {
      if (auto waited = pause(); !waited) return std::move(waited).error();
    }
  }
}

ClaimRun::RoomWatches ClaimRun::follow(const WaitingRoom& room) {
  RoomWatches watches;
  watches.first_number = next_watch_;
  const auto open = [&](const KeyRange& keys) {
    return setting_.etcd->watch({keys, room.revision() + 1},
                                [mailbox = held_.mailbox, number = next_watch_++](Result<WatchBatch> batch) {
                                  mailbox->push(WatchNews{number, std::move(batch)});
                                });
  };
  watches.members = open(held_.keys->members());
  watches.records = open(held_.keys->records());
  return watches;
}

// False: a watch has ended or news were dropped; list again.
bool ClaimRun::apply_news(WaitingRoom& room, std::uint64_t first_number, std::chrono::nanoseconds at_most) {
  bool whole = true;
  pump_leases();
  for (ClaimEvent& event : held_.mailbox->take(std::min(at_most, until_lease_work()), stop_)) {
    if (auto* answer = std::get_if<KeepAliveAnswer>(&event)) {
      take_answer(*answer);
    } else if (auto* news = std::get_if<WatchNews>(&event); news && news->watch >= first_number) {
      if (!news->batch) {
        whole = false;
      } else if (news->watch == first_number) {
        room.apply_members(*news->batch);
      } else {
        room.apply_records(*news->batch);
      }
    }
  }
  return whole && !held_.mailbox->take_overflow();
}

Status ClaimRun::save(SlotId slot, Revision token) const {
  if (!held_.state) return {};
  return held_.state->save(SavedClaim{held_.node_id, held_.session->id(), slot, token});
}

// Repeats a call that failed for a passing reason.
template <class Call>
auto ClaimRun::insist(std::string_view what, Call make_call) -> decltype(make_call()) {
  for (;;) {
    auto reply = make_call();
    if (reply) {
      say_back();
      return reply;
    }
    if (stop_.stop_requested()) return cancelled();
    if (!is_transient(reply.error().code)) return reply;
    say_away(what, reply.error());
    if (auto waited = pause(); !waited) return std::move(waited).error();
  }
}

Status ClaimRun::pause() {
  const TimePoint until = setting_.clock->now() + backoff_.next();
  for (TimePoint now = setting_.clock->now(); now < until; now = setting_.clock->now()) {
    if (stop_.stop_requested()) return cancelled();
    pump_leases();
    for (ClaimEvent& event : held_.mailbox->take(std::min<std::chrono::nanoseconds>(until - now, until_lease_work()), stop_)) {
      if (auto* answer = std::get_if<KeepAliveAnswer>(&event)) take_answer(*answer);
    }
  }
  return {};
}

void ClaimRun::pump_leases() {
  if (held_.session) held_.session->pump();
  if (held_.grace) held_.grace->pump();
}

void ClaimRun::take_answer(const KeepAliveAnswer& answer) {
  if (held_.session) held_.session->take(answer);
  if (held_.grace) held_.grace->take(answer);
}

std::chrono::nanoseconds ClaimRun::until_lease_work() const {
  const TimePoint now = setting_.clock->now();
  TimePoint wake = now + kRelist;
  if (held_.session) wake = std::min(wake, held_.session->machine().wake(now));
  if (held_.grace) wake = std::min(wake, held_.grace->machine().wake(now));
  return std::clamp<std::chrono::nanoseconds>(wake - now, 1ms, kRelist);
}

// As long as the lease allows, since nobody renews it while we are blocked: it is
// renewed after a third of its time, so two thirds are always left. A storm's answers
// take long, and asking again too early would only feed it.
CallOptions ClaimRun::call() const {
  const auto most = std::chrono::milliseconds(setting_.options.ttl) * 2 / 3;
  return {.timeout = std::min(most, patience_), .stop = stop_};
}

void ClaimRun::be_more_patient(const Error& error) {
  if (error.code == ErrorCode::kDeadlineExceeded) patience_ = std::min(2 * patience_, kMostPatience);
}

Error ClaimRun::cancelled() const { return Error{ErrorCode::kCancelled, "claiming was cancelled"}; }

void ClaimRun::say_away(std::string_view what, const Error& error) {
  be_more_patient(error);
  if (!std::exchange(away_, true)) log(LogLevel::kWarning, fmt::format("{}: {}; trying again until it works", what, error.message));
}

void ClaimRun::say_back() {
  backoff_.reset();
  if (std::exchange(away_, false)) log(LogLevel::kInfo, "etcd answers again");
}

void ClaimRun::log(LogLevel level, const std::string& message) const {
  if (setting_.options.log) setting_.options.log(level, message);
}

}  // namespace idetcd
