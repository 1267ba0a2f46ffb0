#include "faults.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <set>
#include <stdexcept>

namespace idetcd::testing {
namespace {

using namespace std::chrono_literals;

constexpr auto kToBeWell = 60s;
constexpr std::size_t kMaxCount = 1 << 24;

std::string field(const std::string& text, const std::string& name) {
  const auto at = text.find("\"" + name + "\" : ");
  if (at == std::string::npos) return {};
  const auto from = at + name.size() + 5;
  return text.substr(from, text.find('\n', from) - from);
}

std::chrono::milliseconds since(std::chrono::steady_clock::time_point then) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - then);
}

std::vector<Place> member_places(const CutNetwork& network) {
  std::vector<Place> places;
  for (std::size_t i = 0; i < FaultyCluster::kMembers; ++i) places.push_back(network.place(i));
  return places;
}

// What follows from it lives with the clients.
const CutNetwork& entered(const CutNetwork& network) {
  network.enter_last();
  return network;
}

std::vector<std::string> probe_arguments(const std::vector<std::string>& endpoints, std::chrono::seconds ttl) {
  std::vector<std::string> arguments{"--no-claim", "--pattern", "probe{{.ID}}.tf.local.",         "--limit",
                                     "1",          "--ttl",     std::to_string(ttl.count()) + "s"};
  std::string all;
  for (const auto& endpoint : endpoints) all += (all.empty() ? "" : ",") + endpoint;
  arguments.insert(arguments.end(), {"--endpoints", all});
  return arguments;
}

// The count that the address 10.a.b.c stands for; 0: it is none.
std::size_t count_of(const std::string& answer) {
  std::array<unsigned, 4> bytes{};
  if (std::sscanf(answer.c_str(), "%u.%u.%u.%u", &bytes[0], &bytes[1], &bytes[2], &bytes[3]) != 4) return 0;
  return bytes[1] << 16 | bytes[2] << 8 | bytes[3];
}

}  // namespace

// --- the probe ------------------------------------------------------------------------

LagProbe::LagProbe(const std::vector<std::string>& endpoints, std::chrono::seconds ttl)
    : etcd_(connect_for_test(endpoints)), resolver_(probe_arguments(endpoints, ttl)), port_(resolver_.port()) {
  if (port_ == 0) throw std::runtime_error("the resolver does not serve: " + resolver_.program().errors());
  writer_ = std::jthread([this](const std::stop_token& stop) { write(stop); });
  reader_ = std::jthread([this](const std::stop_token& stop) { read(stop); });
}

// Each write names the one before: what was sent to a member that hung, and is carried out when it
// goes on, must not bring an old count back.
void LagProbe::write(const std::stop_token& stop) {
  const std::string key = "probe1.tf.local.";
  Revision last = 0;
  for (std::size_t count = 1; !stop.stop_requested() && count < kMaxCount;) {
    std::this_thread::sleep_for(20ms);
    Record record;
    const auto byte = [count](int shift) { return static_cast<std::uint8_t>(count >> shift); };
    record.ipv4.push_back({10, byte(16), byte(8), byte(0)});
    const std::string value = to_json(record);
    Txn txn;
    txn.compares.push_back(Compare::modified_at(key, last));
    txn.success.emplace_back(PutRequest{key, value, 0});
    txn.failure.emplace_back(RangeRequest{KeyRange::one(key)});
    const auto written = etcd_->txn(txn, {.timeout = 1s, .stop = stop});
    if (!written) continue;
    if (written->succeeded) {
      last = written->header.revision;
    } else {  // an earlier try was carried out
      const auto& there = std::get<RangeReply>(written->replies.front()).kvs.front();
      if (there.value != value) throw std::logic_error("somebody else writes the probe's record");
      last = there.mod_revision;
    }
    const std::lock_guard lock(mutex_);
    confirmed_.push_back(std::chrono::steady_clock::now());
    ++count;
  }
}

void LagProbe::read(const std::stop_token& stop) {
  for (; !stop.stop_requested(); std::this_thread::sleep_for(5ms)) {
    const auto text = answer(port_, "probe1.tf.local.");
    const std::size_t shown = count_of(text);
    const std::lock_guard lock(mutex_);
    ++seen_.queries;
    if (shown == 0) {
      if (!confirmed_.empty() && since(confirmed_.front()) > 1s) ++seen_.failed;
    } else {
      note(shown);
    }
  }
}

void LagProbe::note(std::size_t shown) {
  shown_ = shown;
  if (shown >= confirmed_.size()) return;
  seen_.worst = std::max(seen_.worst, since(confirmed_[shown]));  // the first that it does not show
}

LagProbe::Seen LagProbe::seen() const {
  const std::lock_guard lock(mutex_);
  return seen_;
}

std::string LagProbe::state() {
  const std::lock_guard lock(mutex_);
  return "shown " + std::to_string(shown_) + " of " + std::to_string(confirmed_.size()) + ", asked " +
         std::to_string(seen_.queries) + " times; " + resolver_.program().errors();
}

void LagProbe::forget() {
  const std::lock_guard lock(mutex_);
  seen_ = {};
}

bool LagProbe::current() const {
  const std::lock_guard lock(mutex_);
  return shown_ != 0 && shown_ + 20 >= confirmed_.size() && !confirmed_.empty() && since(confirmed_.back()) < 1s;
}

// --- the oracle -----------------------------------------------------------------------

struct Oracle::Log {
  using Moment = std::chrono::steady_clock::time_point;

  std::mutex mutex;
  Moment confirmed = std::chrono::steady_clock::now();  // when the last one that was answered was sent
  std::chrono::milliseconds longest{0};

  // A renewal counts from when it was sent, but only once its answer is there: until then
  // nobody has anything newer than the one before.
  void note(Moment sent) {
    const std::lock_guard lock(mutex);
    if (sent <= confirmed) return;
    longest = std::max(longest, since(confirmed));
    confirmed = sent;
  }
};

Oracle::Oracle(const std::vector<std::string>& endpoints) : log_(std::make_shared<Log>()) {
  for (const auto& endpoint : endpoints) members_.push_back(connect_for_test({endpoint}));
  const auto granted = members_.front()->lease_grant(1, 3600s, {});
  if (!granted) throw std::runtime_error(granted.error().message);
  lease_ = granted->id;
  thread_ = std::jthread([this](const std::stop_token& stop) {
    for (; !stop.stop_requested(); std::this_thread::sleep_for(100ms)) {
      const auto sent = std::chrono::steady_clock::now();
      for (const auto& member : members_) {
        member->lease_keep_alive(lease_, 3s, [log = log_, sent](const Result<KeepAliveReply>& reply) {
          if (reply && reply->ttl > 0s) log->note(sent);
        });
      }
    }
  });
}

Oracle::~Oracle() = default;

std::chrono::milliseconds Oracle::longest_gap() const {
  const std::lock_guard lock(log_->mutex);
  return std::max(log_->longest, since(log_->confirmed));
}

void Oracle::forget() {
  const std::lock_guard lock(log_->mutex);
  log_->longest = 0ms;
}

// --- the cluster ----------------------------------------------------------------------

FaultyCluster::FaultyCluster(std::size_t slots_wanted, std::size_t waiters, std::chrono::seconds ttl_wanted)
    : ttl(ttl_wanted),
      slots(slots_wanted),
      cluster(member_places(entered(network))),
      pattern(*PatternTemplate::parse("worker{{.ID}}.tf.local.", static_cast<SlotId>(slots))) {
  for (std::size_t i = 0; i < slots + waiters; ++i) {
    connections.push_back(connect_for_test(cluster.endpoints()));
    nodes.push_back(std::make_unique<Node>(static_cast<int>(i), connections.back(), pattern, "", ttl));
  }
  watcher = std::make_unique<OneOwnerWatcher>(nodes);
  probe = std::make_unique<LagProbe>(cluster.endpoints(), ttl);
  oracle = std::make_unique<Oracle>(cluster.endpoints());
}

std::size_t FaultyCluster::leader() {
  const auto until = std::chrono::steady_clock::now() + kToBeWell;
  for (std::size_t i = 0; std::chrono::steady_clock::now() < until; i = (i + 1) % kMembers) {
    const auto status = cluster.member(i).etcdctl({"endpoint", "status", "-w", "fields"});
    if (const auto id = field(status, "MemberID"); !id.empty() && id == field(status, "Leader")) return i;
  }
  throw std::runtime_error("the cluster has no leader");
}

void FaultyCluster::cut_leader_from_peers() {
  const std::size_t cut = leader();
  for (std::size_t other = 0; other < kMembers; ++other) {
    if (other != cut) network.cut(cut, other);
  }
}

bool FaultyCluster::well() const {
  std::set<SlotId> owned;
  for (const auto& node : nodes) owned.insert(node->owned());
  owned.erase(0);
  return owned.size() == slots && probe->current();
}

std::string FaultyCluster::state() const {
  std::string text = ": ";
  for (const auto& node : nodes) text += std::to_string(node->owned()) + " ";
  return text + probe->state();
}

int FaultyCluster::count(int (Node::*losses)() const) const {
  int all = 0;
  for (const auto& node : nodes) all += (*node.*losses)();
  return all;
}

Outcome FaultyCluster::run(const Fault& fault) {
  if (!eventually(kToBeWell, [&] { return well(); }))
    throw std::runtime_error("not well before " + fault.name + state());
  std::this_thread::sleep_for(1500ms);  // every lease has been renewed since
  const int losses_before = count(&Node::losses);
  const int taken_before = count(&Node::taken);
  watcher->forget();
  probe->forget();
  oracle->forget();
  fault.begin(*this);
  std::this_thread::sleep_for(fault.time);
  fault.end(*this);
  const auto ended = std::chrono::steady_clock::now();
  if (!eventually(kToBeWell, [&] { return well(); }))
    throw std::runtime_error("does not recover from " + fault.name + state());
  Outcome outcome;
  outcome.heal = since(ended);
  outcome.taken = count(&Node::taken) - taken_before;
  outcome.losses = count(&Node::losses) - losses_before - outcome.taken;
  outcome.gap = oracle->longest_gap();
  outcome.shared = watcher->longest();
  outcome.seen = probe->seen();
  return outcome;
}

// --- the faults -----------------------------------------------------------------------

namespace {

void heal(FaultyCluster& world) {
  world.network.heal();
}

void resume(FaultyCluster& world) {
  for (std::size_t i = 0; i < FaultyCluster::kMembers; ++i) world.cluster.member(i).resume();
}

// One direction between the leader and each of the others.
void lose_at_leader(FaultyCluster& world, bool from_leader) {
  const std::size_t leader = world.leader();
  for (std::size_t other = 0; other < FaultyCluster::kMembers; ++other) {
    if (other != leader) from_leader ? world.network.lose(leader, other) : world.network.lose(other, leader);
  }
}

void cut_clients_from(FaultyCluster& world, std::size_t members) {
  const std::size_t first = world.leader();
  for (std::size_t i = 0; i < members; ++i) {
    world.network.cut(FaultyCluster::kClients, (first + i) % FaultyCluster::kMembers);
  }
}

// Issue 15247: the leader that was stopped for longer than leases live revokes them when it
// goes on; then another member, on which some watch, hangs.
void stop_leader_then_another(FaultyCluster& world) {
  const std::size_t leader = world.leader();
  world.cluster.member(leader).pause();
  std::this_thread::sleep_for(world.ttl + 4s);
  world.cluster.member(leader).resume();
  std::this_thread::sleep_for(5500ms);
  world.cluster.member((leader + 1) % FaultyCluster::kMembers).pause();
}

}  // namespace

std::string in_one_line(const Fault& fault, const Outcome& outcome) {
  const auto ms = [](std::chrono::milliseconds time) { return static_cast<long>(time.count()); };
  std::array<char, 256> line{};
  std::snprintf(line.data(), line.size(),
                "%-73s lost %2d, taken %2d  unconfirmable %5ld ms  shared %4ld ms  healed after %5ld ms  DNS behind "
                "%5ld ms, failed "
                "%ld of %ld",
                fault.name.c_str(), outcome.losses, outcome.taken, ms(outcome.gap), ms(outcome.shared),
                ms(outcome.heal), ms(outcome.seen.worst), outcome.seen.failed, outcome.seen.queries);
  return line.data();
}

std::vector<Fault> all_faults() {
  using World = FaultyCluster;
  const auto cut_from_one = [](World& world) { cut_clients_from(world, 1); };
  const auto cut_from_all = [](World& world) { cut_clients_from(world, World::kMembers); };
  const auto pause_leader = [](World& world) { world.cluster.member(world.leader()).pause(); };
  const auto kill_leader = [](World& world) { world.cluster.member(world.leader()).kill(); };
  const auto restart = [](World& world) { world.cluster.start(); };
  const auto cut_all_peers = [](World& world) {
    world.network.cut(0, 1);
    world.network.cut(0, 2);
    world.network.cut(1, 2);
  };
  return {
      {"a follower hangs for 4 s", 4s, [](World& world) { world.follower().pause(); }, resume},
      {"the leader hangs for 3 s", 3s, pause_leader, resume},
      {"the leader is cut from its peers for 6 s", 6s, [](World& world) { world.cut_leader_from_peers(); }, heal},
      {"nothing from the leader reaches its peers for 6 s", 6s, [](World& world) { lose_at_leader(world, true); },
       heal},
      {"nothing from its peers reaches the leader for 6 s", 6s, [](World& world) { lose_at_leader(world, false); },
       heal},
      {"no quorum for 2 s", 2s, cut_all_peers, heal},
      {"clients are cut from the leader for 10 s", 10s, cut_from_one, heal},
      {.name = "clients are cut from all members for 3 s",
       .time = 3s,
       .begin = cut_from_all,
       .end = heal,
       .cuts_clients = true},
      {.name = "clients are cut from all members for 12 s",
       .time = 12s,
       .begin = cut_from_all,
       .end = heal,
       .may_lose = true,
       .cuts_clients = true},
      {"the leader is killed", 1s, kill_leader, restart},
      {.name = "the leader is stopped for longer than a lease lives, then another member",
       .time = 4s,
       .begin = stop_leader_then_another,
       .end = resume,
       .may_lose = true,
       .old_may_share = true},
  };
}

std::vector<Fault> long_cuts() {
  std::vector<Fault> cuts;
  for (const auto time : {10s, 20s, 30s, 40s, 60s}) {
    cuts.push_back({.name = "clients are cut from all members for " + std::to_string(time.count()) + " s",
                    .time = time,
                    .begin = [](FaultyCluster& world) { cut_clients_from(world, FaultyCluster::kMembers); },
                    .end = heal,
                    .may_lose = true,
                    .cuts_clients = true});
  }
  return cuts;
}

}  // namespace idetcd::testing
