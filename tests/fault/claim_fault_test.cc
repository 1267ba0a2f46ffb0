// Claimants that are killed, paused and cut off at random points, on a real etcd.
//
// Each claimant is a process of its own (this program's hidden test). It tells what
// it owns in a line to a pipe, atomically: "slot token claimed-at". A history in etcd
// is read at the end: it shows every owner that every slot ever had.
#include <idetcd/idetcd.h>

#include "base/clock.h"
#include "support/counting_etcd.h"
#include "support/etcd_process.h"
#include "support/eventually.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <thread>

namespace idetcd {
using namespace internal;
namespace {

using namespace std::chrono_literals;
using testing::eventually;

constexpr auto kPatience = 60s;  // for two dozen processes on a busy machine
constexpr auto kTtl = 10s;

std::int64_t now_ns() {
  return boot_clock().now().time_since_epoch().count();
}

struct Telling {
  SlotId slot = 0;
  Revision token = 0;
  std::int64_t claimed_at = 0;
};

enum class Fate { kLives, kDiesAsPlanner };  // kDiesAsPlanner: when it is about to publish its plan

class Claimant {
 public:
  Claimant(const std::string& endpoint, const std::string& path, SlotId limit, Fate fate = Fate::kLives) {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    read_end_ = ends[0];
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      ::dup2(ends[1], 3);
      ::setenv("IDETCD_TEST_ENDPOINTS", endpoint.c_str(), 1);
      ::setenv("CLAIM_PATH", path.c_str(), 1);
      ::setenv("CLAIM_LIMIT", std::to_string(limit).c_str(), 1);
      if (fate == Fate::kDiesAsPlanner) ::setenv("CLAIM_DIES_AS_PLANNER", "1", 1);
      ::execl("/proc/self/exe", "fault_claim", "[.claimant]", nullptr);
      ::_exit(1);
    }
    ::close(ends[1]);
  }
  ~Claimant() {
    kill();
    ::close(read_end_);
  }
  Claimant(const Claimant&) = delete;
  Claimant& operator=(const Claimant&) = delete;

  // Whether it has told what it owns, within no time.
  bool told() {
    pollfd ready{read_end_, POLLIN, 0};
    if (!telling_ && ::poll(&ready, 1, 0) == 1) {
      char line[128] = {};
      if (::read(read_end_, line, sizeof line - 1) > 0) {
        Telling telling;
        std::istringstream(line) >> telling.slot >> telling.token >> telling.claimed_at;
        telling_ = telling;
      }
    }
    return telling_.has_value();
  }
  const std::optional<Telling>& telling() const { return telling_; }

  void kill() {
    if (pid_ == 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    killed_at_ = now_ns();
    pid_ = 0;
  }
  bool alive() const { return pid_ != 0; }
  // Whether it has killed itself, within no time.
  bool died() {
    int status = 0;
    if (pid_ == 0 || ::waitpid(pid_, &status, WNOHANG) != pid_) return pid_ == 0;
    killed_at_ = now_ns();
    pid_ = 0;
    return true;
  }
  std::int64_t killed_at() const { return killed_at_; }

 private:
  pid_t pid_ = 0;
  int read_end_ = -1;
  std::optional<Telling> telling_;
  std::int64_t killed_at_ = 0;
};

bool puts(const std::vector<Operation>& operations, std::string_view key_end) {
  return std::any_of(operations.begin(), operations.end(), [&](const Operation& operation) {
    if (const auto* put = std::get_if<PutRequest>(&operation)) return put->key.ends_with(key_end);
    const auto* inner = std::get_if<std::unique_ptr<Txn>>(&operation);
    return inner && (puts((*inner)->success, key_end) || puts((*inner)->failure, key_end));
  });
}

// Kills its process with the first plan that it is to publish.
class DeadlyPlan final : public testing::CountingEtcd {
 public:
  using CountingEtcd::CountingEtcd;
  Result<TxnReply> txn(const Txn& txn, const CallOptions& options) override {
    if (puts(txn.success, "/plan")) ::kill(::getpid(), SIGKILL);
    return CountingEtcd::txn(txn, options);
  }
};

// Two owners of one slot never overlap in time, and the later has the greater token.
void check_owners(const std::vector<std::unique_ptr<Claimant>>& all) {
  std::map<SlotId, std::map<Revision, const Claimant*>> by_slot;
  for (const auto& one : all) {
    if (one->telling()) REQUIRE(by_slot[one->telling()->slot].emplace(one->telling()->token, one.get()).second);
  }
  for (const auto& [slot, owners] : by_slot) {
    const Claimant* before = nullptr;
    for (const auto& [token, owner] : owners) {
      if (before) {
        INFO("slot " << slot);
        CHECK_FALSE(before->alive());
        CHECK(before->killed_at() < owner->telling()->claimed_at);
      }
      before = owner;
    }
  }
}

}  // namespace

TEST_CASE("one claimant", "[.claimant]") {
  ClaimOptions options;
  options.path = std::getenv("CLAIM_PATH");
  options.ttl = kTtl;
  options.on_full = OnFull::kWait;
  Record record;
  record.ipv4.push_back({127, 0, 0, 1});
  const auto pattern =
      *PatternTemplate::parse("worker{{.ID}}.tf.local.", static_cast<SlotId>(std::atoi(std::getenv("CLAIM_LIMIT"))));
  auto etcd = testing::connect_for_test();
  if (std::getenv("CLAIM_DIES_AS_PLANNER")) etcd = std::make_shared<DeadlyPlan>(etcd);
  auto claim = SlotClaimer(etcd, pattern, options).claim(record);
  REQUIRE(claim.has_value());
  if (claim->held()) {
    const std::string line =
        std::to_string(claim->slot()) + " " + std::to_string(claim->token()) + " " + std::to_string(now_ns()) + "\n";
    REQUIRE(::write(3, line.data(), line.size()) == static_cast<ssize_t>(line.size()));
  }
  for (;;) ::pause();
}

TEST_CASE("claimants killed at random points: one owner a slot, no litter, holes are filled", "[fault]") {
  const std::string endpoint = testing::test_endpoints().front();
  const std::string path = testing::random_prefix();
  const auto etcd = testing::connect_for_test();
  constexpr SlotId kLimit = 24;
  const auto pattern = *PatternTemplate::parse("worker{{.ID}}.tf.local.", kLimit);
  std::minstd_rand random(20);

  std::vector<std::unique_ptr<Claimant>> all;
  const auto step = [&] {
    for (auto& one : all) (void)one->told();
  };
  // Killed within the first moments of their lives: before, during and after the claim.
  for (int i = 0; i < 60; ++i) {
    all.push_back(std::make_unique<Claimant>(endpoint, path, kLimit));
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 20));
    step();
    if (random() % 100 < 40) all[random() % all.size()]->kill();
  }
  const auto living = [&] {
    return static_cast<std::size_t>(
        std::count_if(all.begin(), all.end(), [](const auto& one) { return one->alive(); }));
  };
  while (living() > kLimit) {
    step();
    auto& one = all[random() % all.size()];
    if (one->alive()) one->kill();
  }
  while (living() < kLimit) all.push_back(std::make_unique<Claimant>(endpoint, path, kLimit));

  REQUIRE(eventually(kPatience, [&] {
    step();
    return std::all_of(all.begin(), all.end(), [](const auto& one) { return !one->alive() || one->telling(); });
  }));
  check_owners(all);
  std::set<SlotId> held;
  for (const auto& one : all) {
    if (one->alive()) held.insert(one->telling()->slot);
  }
  CHECK(held.size() == kLimit);

  // Whatever the dead left is gone with their leases: nothing but one record, one node
  // entry per living owner, and no ticket.
  const std::string root = "/idetcd/" + path + pattern.canonical() + "/";
  const auto count = [&](const std::string& prefix) {
    return etcd->range({.keys = KeyRange::prefix(prefix), .count_only = true}, {})->count;
  };
  CHECK(eventually(kPatience, [&] { return count(root + "queue/") == 0 && count(root + "node/") == kLimit; }));
  CHECK(count(path) == kLimit);
}

TEST_CASE("planners killed between election and plan: the others wait for less than a lease's time", "[fault]") {
  const std::string endpoint = testing::test_endpoints().front();
  const std::string path = testing::random_prefix();
  constexpr SlotId kLimit = 60;
  constexpr int kDoomed = 3;
  std::vector<std::unique_ptr<Claimant>> all;
  for (int i = 0; i < 2; ++i) {  // slots 1 and 2: nobody else is lucky at once, and nobody takes the pool for empty
    all.push_back(std::make_unique<Claimant>(endpoint, path, kLimit));
    REQUIRE(eventually(kPatience, [&] { return all.back()->told(); }));
  }
  for (int i = 0; i < kDoomed; ++i) {
    all.push_back(std::make_unique<Claimant>(endpoint, path, kLimit, Fate::kDiesAsPlanner));
    REQUIRE(eventually(kPatience, [&] { return all.back()->died(); }));
  }
  const auto start = now_ns();
  for (int i = 0; i < 20; ++i) all.push_back(std::make_unique<Claimant>(endpoint, path, kLimit));
  REQUIRE(eventually(kPatience, [&] {
    return std::all_of(all.begin(), all.end(), [](const auto& one) { return !one->alive() || one->told(); });
  }));
  check_owners(all);
  std::set<SlotId> held;
  std::int64_t last = 0;
  for (const auto& one : all) {
    if (!one->alive()) continue;
    held.insert(one->telling()->slot);
    last = std::max(last, one->telling()->claimed_at);
  }
  CHECK(held.size() == 22);
  CHECK(*held.rbegin() == 22);
  CHECK(std::chrono::nanoseconds(last - start) < kTtl);
}

}  // namespace idetcd
