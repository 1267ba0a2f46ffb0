#include "claim/claim_run.h"

#include "base/boot_id.h"
#include "base/stable_hash.h"
#include "claim/claim_options.h"
#include "model/node_entry.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace idetcd::internal {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kGiveBack = 1s;  // how long to try to revoke the lease of a claim that failed
constexpr auto kExpiry = 2s;                         // etcd deletes an ended lease's keys within this time
constexpr std::chrono::seconds kMaxWaitOut = 24h;    // no lease of ours is longer

std::string new_node_id() {
  return fmt::format("{:016x}", random_seed());
}

std::string pool_of(const ClaimSetting& setting) {
  return setting.options.path + setting.pattern.canonical();
}

std::string address_of(const Record& record) {
  if (!record.ipv4.empty()) return to_string(record.ipv4.front());
  if (!record.ipv6.empty()) return to_string(record.ipv6.front());
  return {};
}

}  // namespace

LeaseId grace_lease_id(std::string_view pool, std::string_view node_id, std::chrono::seconds ttl) {
  const std::string text = fmt::format("{}{}{}{}{}", pool, '\0', node_id, '\0', ttl.count());
  return static_cast<LeaseId>(stable_hash(text) >> 1) | 1;
}

ClaimRun::ClaimRun(ClaimSetting setting, const Record& record, std::stop_token stop)
    : setting_(std::move(setting)),
      calls_(setting_.etcd, *setting_.clock, setting_.options.log, setting_.options.ttl, std::move(stop)),
      keys_(std::make_shared<const PoolKeys>(setting_.options.path, setting_.pattern)),
      record_(record),
      boot_(boot_mark()),
      wait_backoff_(100ms, 1s, random_seed()),
      plan_wait_(calls_, *keys_, setting_.options.ttl),
      queue_wait_(calls_, *keys_, setting_.pattern,
                  {setting_.options.on_full, setting_.options.longest_wait, setting_.options.on_position}) {}

Result<HeldSlot> ClaimRun::run() {
  if (auto ready = prepare(); !ready) return std::move(ready).error();
  auto done = resume();
  while (done && *done == Outcome::kTryAgain) done = with_new_lease();
  if (!done) {
    const auto& lease = calls_.leases().session;
    if (lease) (void)setting_.etcd->lease_revoke(lease->id(), {.timeout = kGiveBack});
    return explained(std::move(done).error(), *keys_);
  }
  return HeldSlot{.etcd = setting_.etcd,
                  .keys = keys_,
                  .clock = setting_.clock,
                  .log = setting_.options.log,
                  .name = std::string(setting_.pattern.render(owned_.slot)),
                  .node_id = node_id_,
                  .owned = owned_,
                  .record_revision = owned_.token,
                  .cluster_id = cluster_id_,
                  .mailbox = calls_.mailbox(),
                  .leases = std::move(calls_.leases()),
                  .state = std::move(state_)};
}

Status ClaimRun::prepare() {
  const ClaimOptions& options = setting_.options;
  if (auto checked = check(options); !checked) return checked;
  record_.node.clear();
  if (auto valid = validate(record_); !valid) return valid;
  if (auto opened = open_state(); !opened) return opened;
  if (!valid_node_id(saved_.node_id)) saved_ = {};
  node_id_ = !options.node_id.empty() ? options.node_id : saved_.node_id;
  node_id_lasts_ = !node_id_.empty();
  if (node_id_.empty()) node_id_ = new_node_id();
  if (saved_.node_id != node_id_) saved_ = SavedClaim{.node_id = node_id_};
  record_.node = node_id_;
  record_.token = 0;
  return {};
}

Status ClaimRun::open_state() {
  if (setting_.options.state_dir.empty()) return {};
  auto file = StateFile::open(setting_.options.state_dir, pool_of(setting_));
  if (file) {
    state_.emplace(std::move(*file));
    saved_ = state_->load().value_or(SavedClaim{});
  } else if (file.error().code == ErrorCode::kInvalidArgument) {
    return std::move(file).error();
  } else {
    go_on_without_state(file.error());
  }
  return {};
}

// A disk that is full or read-only is no reason to have no name, and no DNS on this machine: all
// that is lost is that the next run resumes this claim.
void ClaimRun::go_on_without_state(const Error& error) {
  if (std::exchange(state_is_broken_, true)) return;
  calls_.log(LogLevel::kWarning, error.message + "; going on without, so a restart will not resume the name");
}

// Our own former run's lease, if it still lives and that run is surely dead: then
// the slot is taken over with a new token and was never free in between.
Result<ClaimRun::Outcome> ClaimRun::resume() {
  if (saved_.lease == 0 || !saved_.owner_is_dead) return Outcome::kTryAgain;
  if (auto known = find_slot_of_saved(); !known) return std::move(known).error();
  if (saved_.slot == 0 || saved_.slot > setting_.pattern.limit()) return Outcome::kTryAgain;
  auto adopted = calls_.adopt(saved_.lease);
  if (!adopted) return std::move(adopted).error();
  if (*adopted == ClaimCalls::Adoption::kEnded) return Outcome::kTryAgain;
  if (auto granted = grant_grace(); !granted) return std::move(granted).error();
  record_.ttl = calls_.leases().session->machine().ttl();

  const std::string node = keys_->node(node_id_);
  const std::string record = keys_->record(setting_.pattern.render(saved_.slot));
  Txn txn;
  txn.compares.push_back(Compare::lease_is(node, saved_.lease));
  if (saved_.token != 0) txn.compares.push_back(Compare::modified_at(node, saved_.token));
  txn.compares.push_back(Compare::lease_is(record, saved_.lease));
  txn.success.emplace_back(PutRequest{node, node_value(saved_.slot), saved_.lease});
  txn.success.emplace_back(PutRequest{record, to_json(record_), saved_.lease});
  if (calls_.leases().grace) {  // the former run may have been less sticky
    txn.success.emplace_back(PutRequest{keys_->hold(saved_.slot), node_id_, calls_.leases().grace->id()});
    txn.success.emplace_back(
        PutRequest{keys_->home(node_id_), std::to_string(saved_.slot), calls_.leases().grace->id()});
  }
  auto reply = calls_.retry("resuming the claim", [&] { return setting_.etcd->txn(txn, calls_.options()); });
  if (!reply) return std::move(reply).error();
  if (!reply->succeeded) {
    calls_.leases().session.reset();
    return Outcome::kTryAgain;
  }
  return settle(Owned{saved_.slot, reply->header.revision}, *reply);
}

// A run that was killed before its claim's answer was written down may own a slot.
Status ClaimRun::find_slot_of_saved() {
  if (saved_.token != 0) return {};
  const RangeRequest request{.keys = KeyRange::one(keys_->node(node_id_))};
  auto reply =
      calls_.retry("looking for the former claim", [&] { return setting_.etcd->range(request, calls_.options()); });
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

Result<ClaimRun::Outcome> ClaimRun::with_new_lease() {
  if (auto granted = calls_.grant(); !granted) return std::move(granted).error();
  save(saved_.slot, 0);
  if (auto granted = grant_grace(); !granted) return std::move(granted).error();
  auto home = find_home();
  if (!home) return std::move(home).error();
  record_.ttl = calls_.leases().session->machine().ttl();
  ClaimMachine claim(*keys_, setting_.pattern,
                     ClaimIntent{.node_id = node_id_,
                                 .address = address_of(record_),
                                 .boot = boot_,
                                 .record = to_json(record_),
                                 .session = calls_.leases().session->id(),
                                 .grace = calls_.leases().grace ? calls_.leases().grace->id() : 0,
                                 .home = *home});
  return claim_with(claim);
}

Status ClaimRun::grant_grace() {
  const auto sticky = setting_.options.sticky;
  if (sticky.count() == 0 || !node_id_lasts_) return {};  // else it would keep the slot for nobody
  // The session's own time, and once more: its last renewal may be younger than ours.
  const auto ttl = sticky + 2 * setting_.options.ttl;
  return calls_.grant_grace(grace_lease_id(pool_of(setting_), node_id_, ttl), ttl);
}

Result<std::optional<SlotId>> ClaimRun::find_home() {
  SlotId slot = setting_.predecessor_slot != 0 ? setting_.predecessor_slot : saved_.slot;
  if (slot == 0) {
    if (!calls_.leases().grace) return std::optional<SlotId>{};
    const RangeRequest request{.keys = KeyRange::one(keys_->home(node_id_))};
    auto reply =
        calls_.retry("looking for the former slot", [&] { return setting_.etcd->range(request, calls_.options()); });
    if (!reply) return std::move(reply).error();
    if (reply->kvs.empty()) return std::optional<SlotId>{};
    const std::string& text = reply->kvs.front().value;
    std::from_chars(text.data(), text.data() + text.size(), slot);
  }
  if (slot == 0 || slot > setting_.pattern.limit()) return std::optional<SlotId>{};
  return std::optional<SlotId>{slot};
}

Result<ClaimRun::Outcome> ClaimRun::claim_with(ClaimMachine& claim) {
  while (!calls_.lease_ended()) {
    auto reply = setting_.etcd->txn(claim.transaction(), calls_.options());
    if (!reply) {
      const Error& error = reply.error();
      if (error.code == ErrorCode::kNotFound) return Outcome::kTryAgain;  // the lease has ended
      if (error.code == ErrorCode::kTooManyOperations && claim.shorten_chain()) continue;
      if (!is_transient(error.code)) return std::move(reply).error();
      if (auto waited = calls_.pause("claiming", error); !waited) return std::move(waited).error();
      continue;
    }
    calls_.answered();
    const ClaimOutcome outcome = claim.on_reply(*reply);
    if (const auto* owned = std::get_if<Owned>(&outcome)) return settle(*owned, *reply);
    if (std::get_if<Malformed>(&outcome)) {
      return Error{ErrorCode::kInternal, "etcd's answer to the claim does not fit the question; is it an etcd v3?"};
    }
    if (const auto* queue = std::get_if<InQueue>(&outcome)) {
      const auto turn = queue_wait_.wait(claim, *queue, node_id_);
      if (!turn) return turn.error();
      if (*turn == QueueWait::Turn::kLeaseEnded) return Outcome::kTryAgain;
      if (*turn == QueueWait::Turn::kFull) return pool_is_full();
    } else if (auto ready = make_room(claim, outcome); !ready) {
      return std::move(ready).error();
    }
  }
  return Outcome::kTryAgain;
}

// Whatever has to happen before the machine's next transaction can do better.
Status ClaimRun::make_room(ClaimMachine& claim, const ClaimOutcome& outcome) {
  if (const auto* taken = std::get_if<Taken>(&outcome)) return yield_to_predecessor(*taken);
  if (const auto* await = std::get_if<AwaitPlan>(&outcome)) return plan_wait_.wait(claim, *await);
  return {};
}

Error ClaimRun::pool_is_full() const {
  return Error{ErrorCode::kFull,
               fmt::format("every one of the {} slots of {} is taken; raise the limit, or wait for one",
                           setting_.pattern.limit(), setting_.pattern.canonical())};
}

// The node entry is another node's, or what an earlier run of ours left behind: that is
// revoked if we know it to be dead, and waited out if it may be.
Status ClaimRun::yield_to_predecessor(const Taken& taken) {
  const bool dead_run = taken.lease == saved_.lease && saved_.owner_is_dead;
  if (taken.lease != 0 && (taken.lease == setting_.predecessor || dead_run)) {
    auto revoked = setting_.etcd->lease_revoke(taken.lease, calls_.options());
    if (revoked || revoked.error().code == ErrorCode::kNotFound) return {};
    if (!is_transient(revoked.error().code)) return revoked;
    return calls_.pause("revoking the former lease", revoked.error());
  }
  return may_be_earlier_run(taken) ? wait_out(taken) : duplicate_node(taken);
}

// Known by our state file, or written on this machine: before it was killed, or rebooted.
bool ClaimRun::may_be_earlier_run(const Taken& taken) const {
  if (taken.lease == 0) return false;  // it would never end
  const bool same_address = !taken.address.empty() && taken.address == address_of(record_);
  const bool same_boot = !taken.boot.empty() && taken.boot == boot_;
  return taken.lease == saved_.lease || same_address || same_boot;
}

// Whoever is dead cannot renew its lease: if it outlives its time, its owner lives. So does the
// owner of another lease that took the first one's place meanwhile.
Status ClaimRun::wait_out(const Taken& taken) {
  if (waited_for_ == 0) {
    const auto ttl = ttl_of(taken);
    if (!ttl) return ttl.error();
    waited_for_ = taken.lease;
    wait_until_ = setting_.clock->now() + *ttl + kExpiry;
    calls_.log(LogLevel::kWarning,
               fmt::format("node id '{}' still has slot {}, claimed on this machine, probably by a run that was "
                           "killed; waiting up to {} s for its lease to end (a state-dir lets a node resume at once)",
                           node_id_, taken.slot, (*ttl + kExpiry).count()));
  }
  if (taken.lease != waited_for_ || setting_.clock->now() >= wait_until_) return duplicate_node(taken);
  return calls_.wait(wait_backoff_.next());
}

// As its record says; an earlier run may have had another than ours.
Result<std::chrono::seconds> ClaimRun::ttl_of(const Taken& taken) {
  const auto own = setting_.options.ttl;
  if (taken.slot == 0 || taken.slot > setting_.pattern.limit()) return own;
  const RangeRequest request{.keys = KeyRange::one(keys_->record(setting_.pattern.render(taken.slot)))};
  auto reply =
      calls_.retry("looking for the former claim", [&] { return setting_.etcd->range(request, calls_.options()); });
  if (!reply) return std::move(reply).error();
  if (reply->kvs.empty() || reply->kvs.front().lease != taken.lease) return own;
  const auto record = parse_record(reply->kvs.front().value);
  return record && record->ttl > 0s ? std::min(record->ttl, kMaxWaitOut) : own;
}

Error ClaimRun::duplicate_node(const Taken& taken) const {
  const std::string remedy = waited_for_ != 0 ? " (its lease outlived its time, so it is alive)"
                                              : fmt::format(", or wait {} s if that is an earlier run of this node",
                                                            setting_.options.ttl.count());
  return Error{
      ErrorCode::kDuplicateNode,
      fmt::format("node id '{}' is in use by {} (slot {}), and this is {}; give each node its own node-id{}", node_id_,
                  taken.address.empty() ? "another node" : taken.address, taken.slot, address_of(record_), remedy)};
}

// --- the end ------------------------------------------------------------------------

ClaimRun::Outcome ClaimRun::settle(const Owned& owned, const TxnReply& reply) {
  owned_ = owned;
  cluster_id_ = reply.header.cluster_id;
  save(owned.slot, owned.token);
  return Outcome::kHeld;
}

void ClaimRun::save(SlotId slot, Revision token) {
  if (!state_) return;
  if (auto saved = state_->save(SavedClaim{node_id_, calls_.leases().session->id(), slot, token}); saved) {
    node_id_lasts_ = true;
  } else {
    go_on_without_state(saved.error());
  }
}

std::string ClaimRun::node_value(SlotId slot) const {
  return to_json(NodeEntry{slot, address_of(record_), boot_});
}

}  // namespace idetcd::internal
