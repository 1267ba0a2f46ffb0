// Claims on a real etcd: what a node and its neighbours see.
#include <idetcd/idetcd.h>

#include "support/etcd_process.h"
#include "support/eventually.h"

#include <catch2/catch.hpp>

#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <set>
#include <thread>

namespace idetcd {
namespace {

using namespace std::chrono_literals;
using testing::eventually;
using testing::TemporaryFolder;

constexpr auto kPatience = 20s;

PatternTemplate names(SlotId limit) {
  return *PatternTemplate::parse("worker{{.ID}}.tf.local.", limit);
}

Record at(const char* address) {
  Record record;
  record.ipv4.push_back(*parse_ipv4(address));
  return record;
}

struct Pool {
  explicit Pool(SlotId limit, std::shared_ptr<Etcd> to = testing::connect_for_test())
      : etcd(std::move(to)), pattern(names(limit)) {
    options.path = testing::random_prefix();
    options.ttl = 5s;
  }

  Result<Claim> claim(std::stop_token stop = {}) const {
    return SlotClaimer(etcd, pattern, options).claim(at("10.0.0.1"), stop);
  }

  std::string key(SlotId slot) const { return options.path + std::string(pattern.render(slot)); }
  bool present(SlotId slot) const { return etcd->range({.keys = KeyRange::one(key(slot))}, {})->kvs.size() == 1; }
  std::size_t tickets() const {
    return etcd->range({.keys = KeyRange::prefix("/idetcd/" + options.path + pattern.canonical() + "/queue/")}, {})
        ->kvs.size();
  }
  void put_foreign(SlotId slot, LeaseId lease = 0) const {
    Txn txn;
    txn.success.emplace_back(PutRequest{key(slot), R"({"ipv4":"10.9.9.9","port":"53"})", lease});
    REQUIRE(etcd->txn(txn, {}).has_value());
  }

  std::shared_ptr<Etcd> etcd;
  PatternTemplate pattern;
  ClaimOptions options;
};

}  // namespace

TEST_CASE("a claim takes a slot, holds it and gives it back", "[claim]") {
  const Pool pool(3);
  auto claim = pool.claim();
  REQUIRE(claim.has_value());
  CHECK(claim->slot() == 1);
  CHECK(claim->name() == "worker1.tf.local.");
  CHECK(claim->held());
  CHECK(claim->token() > 0);
  CHECK(pool.present(1));
  const auto lost = claim->lost();
  REQUIRE(claim->release().has_value());
  CHECK_FALSE(pool.present(1));
  CHECK_FALSE(claim->held());
  CHECK(lost.stop_requested());
}

TEST_CASE("the destructor gives the slot back", "[claim]") {
  const Pool pool(3);
  { REQUIRE(pool.claim().has_value()); }
  CHECK_FALSE(pool.present(1));
}

TEST_CASE("forty at once take worker1..worker40, and the forty-first finds it full", "[claim]") {
  const Pool pool(40);
  std::mutex mutex;
  std::vector<Claim> claims;
  int full = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 41; ++i) {
      threads.emplace_back([&] {
        auto claim = pool.claim();
        std::lock_guard lock(mutex);
        if (claim) {
          claims.push_back(std::move(*claim));
        } else {
          CHECK(claim.error().code == ErrorCode::kFull);
          ++full;
        }
      });
    }
  }
  std::set<SlotId> slots;
  for (const Claim& claim : claims) slots.insert(claim.slot());
  CHECK(full == 1);
  CHECK(slots.size() == 40);
  CHECK(*slots.rbegin() == 40);
  CHECK(pool.tickets() == 0);
}

TEST_CASE("a full pool can be waited for, first come first served", "[claim][wait]") {
  Pool pool(1);
  auto first = pool.claim();
  REQUIRE(first.has_value());
  pool.options.on_full = OnFull::kWait;
  std::vector<std::jthread> waiters;
  std::mutex mutex;
  std::vector<int> order;
  for (int i = 0; i < 4; ++i) {
    waiters.emplace_back([&, i] {
      auto claim = pool.claim();
      REQUIRE(claim.has_value());
      std::lock_guard lock(mutex);
      order.push_back(i);
    });
    REQUIRE(eventually(kPatience, [&] { return pool.tickets() == static_cast<std::size_t>(i) + 1; }));
  }
  REQUIRE(first->release().has_value());
  waiters.clear();
  CHECK(order == std::vector<int>{0, 1, 2, 3});
}

TEST_CASE("waiting ends when it is told to, and leaves no ticket", "[claim][wait]") {
  Pool pool(1);
  auto first = pool.claim();
  REQUIRE(first.has_value());
  pool.options.on_full = OnFull::kWait;
  std::stop_source stop;
  std::jthread waiter([&] {
    auto claim = pool.claim(stop.get_token());
    REQUIRE_FALSE(claim.has_value());
    CHECK(claim.error().code == ErrorCode::kCancelled);
  });
  REQUIRE(eventually(kPatience, [&] { return pool.tickets() == 1; }));
  stop.request_stop();
  waiter.join();
  CHECK(pool.tickets() == 0);
}

TEST_CASE("waiting has an end when it is given one", "[claim][wait]") {
  Pool pool(1);
  auto first = pool.claim();
  REQUIRE(first.has_value());
  pool.options.on_full = OnFull::kWait;
  pool.options.longest_wait = 300ms;
  const auto second = pool.claim();
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().code == ErrorCode::kFull);
  CHECK(pool.tickets() == 0);
}

TEST_CASE("an overwritten record is loss, noticed at once", "[claim]") {
  const Pool pool(3);
  auto claim = pool.claim();
  REQUIRE(claim.has_value());
  const auto before = std::chrono::steady_clock::now();
  pool.put_foreign(1);
  REQUIRE(eventually(kPatience, [&] { return claim->lost().stop_requested(); }));
  CHECK(std::chrono::steady_clock::now() - before < 4s);  // less than the lease's time
  CHECK_FALSE(claim->held());
  CHECK(claim->update(at("10.0.0.2")).error().code == ErrorCode::kLost);
  REQUIRE(claim->release().has_value());
  CHECK(pool.present(1));  // what is there now is not ours to delete
}

TEST_CASE("a record can be replaced under the same token", "[claim]") {
  const Pool pool(3);
  auto claim = pool.claim();
  REQUIRE(claim.has_value());
  for (int i = 0; i < 20; ++i) REQUIRE(claim->update(at("10.0.0.2")).has_value());
  auto store = RecordStore::open(pool.etcd, {.pattern = pool.pattern, .path = pool.options.path});
  REQUIRE(store.has_value());
  const auto named = (*store)->snapshot()->find(1);
  REQUIRE(named.has_value());
  CHECK(to_string(named->record.ipv4.front()) == "10.0.0.2");
  CHECK(named->token == claim->token());
  CHECK(named->lease == claim->lease());
  CHECK(claim->held());
}

TEST_CASE("a revoked lease is loss", "[claim]") {
  const Pool pool(3);
  auto claim = pool.claim();
  REQUIRE(claim.has_value());
  REQUIRE(pool.etcd->lease_revoke(claim->lease(), {}).has_value());
  CHECK(eventually(kPatience, [&] { return !claim->held(); }));
}

TEST_CASE("a node id in use is refused, naming both", "[claim]") {
  Pool pool(3);
  pool.options.node_id = "host-7";
  auto claim = pool.claim();
  REQUIRE(claim.has_value());
  const auto twin = SlotClaimer(pool.etcd, pool.pattern, pool.options).claim(at("10.0.0.2"));
  REQUIRE_FALSE(twin.has_value());
  CHECK(twin.error().code == ErrorCode::kDuplicateNode);
  CHECK(twin.error().message.find("10.0.0.1") != std::string::npos);
  CHECK(twin.error().message.find("10.0.0.2") != std::string::npos);
  CHECK(claim->held());
}

TEST_CASE("a sticky node gets its slot back, and nobody else before", "[claim][sticky]") {
  Pool pool(5);
  Pool sticky = pool;
  sticky.options.node_id = "host-1";
  sticky.options.sticky = 30s;
  auto one = sticky.claim();
  REQUIRE(one.has_value());
  CHECK(one->slot() == 1);
  const Revision token = one->token();
  REQUIRE(one->release().has_value());
  auto other = pool.claim();
  REQUIRE(other.has_value());
  CHECK(other->slot() == 2);
  auto again = sticky.claim();
  REQUIRE(again.has_value());
  CHECK(again->slot() == 1);
  CHECK(again->token() > token);
}

TEST_CASE("a state file belongs to one live process", "[claim][sticky]") {
  const TemporaryFolder folder("state");
  Pool pool(5);
  pool.options.state_dir = folder.path();
  auto claim = pool.claim();
  REQUIRE(claim.has_value());
  CHECK(pool.claim().error().message.find("another live process") != std::string::npos);
}

TEST_CASE("a released claim leaves its state file to the next, which goes for the same slot", "[claim][sticky]") {
  const TemporaryFolder folder("state");
  Pool pool(5);
  auto first = pool.claim();
  REQUIRE(first.has_value());
  Pool stateful = pool;
  stateful.options.state_dir = folder.path();
  auto claim = stateful.claim();
  REQUIRE(claim.has_value());
  REQUIRE(claim->slot() == 2);
  REQUIRE(claim->release().has_value());
  REQUIRE(first->release().has_value());
  const auto again = stateful.claim();
  REQUIRE(again.has_value());
  CHECK(again->slot() == 2);
  CHECK(again->node_id() == claim->node_id());
}

TEST_CASE("a damaged state file is as good as none", "[claim][sticky]") {
  const TemporaryFolder folder("state");
  Pool pool(5);
  pool.options.state_dir = folder.path();
  std::filesystem::path path;
  REQUIRE(pool.claim().has_value());
  for (const auto& file : std::filesystem::directory_iterator(folder.path())) {
    if (file.path().extension() == ".json") path = file.path();
  }
  std::ifstream read(path);
  std::string text(std::istreambuf_iterator<char>(read), {});
  const auto damage = GENERATE(as<std::string>{}, "", "{", "\xff", "node id");
  if (damage == "node id") {
    const auto node = text.find("\"node\":\"");
    REQUIRE(node != std::string::npos);
    text.insert(node + 8, "../");
  } else {
    text = damage;
  }
  std::ofstream(path) << text;
  const auto claim = pool.claim();
  REQUIRE(claim.has_value());
  CHECK(claim->slot() == 1);
  CHECK(claim->node_id().find('/') == std::string::npos);
}

// The killed process is a child that runs this hidden test.
TEST_CASE("claim and hang", "[.claim-and-hang]") {
  Pool pool(5);
  pool.options.path = std::getenv("CLAIM_PATH");
  pool.options.state_dir = std::getenv("CLAIM_STATE");
  auto claim = pool.claim();
  REQUIRE(claim.has_value());
  for (;;) ::pause();
}

TEST_CASE("a state file resumes the lease of a process that was killed", "[claim][sticky]") {
  const TemporaryFolder folder("state");
  Pool pool(5);
  pool.options.state_dir = folder.path();
  ::setenv("CLAIM_PATH", pool.options.path.c_str(), 1);
  ::setenv("CLAIM_STATE", folder.path().c_str(), 1);
  const std::string endpoint = testing::test_endpoints().front();
  const pid_t child = ::fork();
  if (child == 0) {
    ::setenv("IDETCD_TEST_ENDPOINTS", endpoint.c_str(), 1);
    ::execl("/proc/self/exe", "integration_claim", "[.claim-and-hang]", nullptr);
    ::_exit(1);
  }
  REQUIRE(eventually(kPatience, [&] { return pool.present(1); }));
  const auto before = pool.etcd->range({.keys = KeyRange::one(pool.key(1))}, {})->kvs.front();
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);

  auto claim = pool.claim();
  REQUIRE(claim.has_value());
  CHECK(claim->slot() == 1);
  CHECK(claim->lease() == before.lease);
  CHECK(claim->token() > before.mod_revision);
  const auto after = pool.etcd->range({.keys = KeyRange::one(pool.key(1))}, {})->kvs.front();
  CHECK(after.create_revision == before.create_revision);  // never gone in between
}

TEST_CASE("a copied state file does not resume: the original may be alive", "[claim][sticky]") {
  const TemporaryFolder folder("state");
  const TemporaryFolder copy("state");
  Pool pool(5);
  pool.options.ttl = 2s;
  pool.options.state_dir = folder.path();
  auto claim = pool.claim();
  REQUIRE(claim.has_value());
  for (const auto& file : std::filesystem::directory_iterator(folder.path())) {
    std::filesystem::copy(file.path(), copy.path() / file.path().filename());
  }
  pool.options.state_dir = copy.path();
  const auto twin = pool.claim();
  REQUIRE_FALSE(twin.has_value());
  CHECK(twin.error().code == ErrorCode::kDuplicateNode);
  CHECK(claim->held());
}

TEST_CASE("a forked child neither owns nor revokes", "[claim]") {
  const Pool pool(3);
  auto claim = pool.claim();
  REQUIRE(claim.has_value());
  const pid_t child = ::fork();
  if (child == 0) {
    const bool held = claim->held();
    { Claim inherited = std::move(*claim); }
    ::_exit(held ? 1 : 0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(pool.present(1));
  CHECK(claim->held());
}

TEST_CASE("a registration claims again after loss", "[claim][registration]") {
  const Pool pool(3);
  std::mutex mutex;
  std::vector<std::string> story;
  RegistrationOptions options;
  options.claim = pool.options;
  options.on_claimed = [&](const Ownership& owned) {
    std::lock_guard lock(mutex);
    story.push_back("claimed " + owned.name);
  };
  options.on_lost = [&](std::string_view) {
    std::lock_guard lock(mutex);
    story.push_back("lost");
  };
  const auto length = [&] {
    std::lock_guard lock(mutex);
    return story.size();
  };
  Registration registration(pool.etcd, pool.pattern, options, at("10.0.0.1"));
  REQUIRE(eventually(kPatience, [&] { return length() == 1; }));
  pool.put_foreign(1);
  REQUIRE(eventually(kPatience, [&] { return length() == 3; }));
  CHECK(registration.held());
  REQUIRE(registration.update(at("10.0.0.3")).has_value());
  REQUIRE(registration.release().has_value());
  CHECK_FALSE(pool.present(2));
  CHECK(story == std::vector<std::string>{"claimed worker1.tf.local.", "lost", "claimed worker2.tf.local."});
}

TEST_CASE("several roles in one process, over one connection", "[claim][registration]") {
  const Pool pool(3);
  std::mutex mutex;
  std::set<std::string> claimed;
  std::vector<std::unique_ptr<Registration>> roles;
  for (const char* role : {"ps{{.ID}}.tf.local.", "worker{{.ID}}.tf.local.", "chief{{.ID}}.tf.local."}) {
    RegistrationOptions options;
    options.claim = pool.options;
    options.claim.node_id = "host-1";  // one node; each pool knows it by itself
    options.on_claimed = [&](const Ownership& owned) {
      std::lock_guard lock(mutex);
      claimed.insert(owned.name);
    };
    roles.push_back(
        std::make_unique<Registration>(pool.etcd, *PatternTemplate::parse(role, 3), options, at("10.0.0.1")));
  }
  CHECK(eventually(kPatience, [&] {
    std::lock_guard lock(mutex);
    return claimed == std::set<std::string>{"chief1.tf.local.", "ps1.tf.local.", "worker1.tf.local."};
  }));
}

TEST_CASE("a registration says when it has ended for good", "[claim][registration]") {
  const Pool pool(1);
  auto claim = pool.claim();
  REQUIRE(claim.has_value());
  std::atomic<bool> full{false};
  RegistrationOptions options;
  options.claim = pool.options;
  options.on_ended = [&](const Error& error) { full = error.code == ErrorCode::kFull; };
  Registration registration(pool.etcd, pool.pattern, options, at("10.0.0.1"));
  CHECK(eventually(kPatience, [&] { return full.load(); }));
}

TEST_CASE("with etcd away a claim is given up in time, and comes back when the lease lived", "[claim][own-etcd]") {
  if (testing::uses_outside_etcd()) return;
  testing::EtcdProcess server;
  Pool pool(3, testing::connect_for_test({server.endpoint()}));
  pool.options.ttl = 4s;
  auto claim = pool.claim();
  REQUIRE(claim.has_value());
  const Revision token = claim->token();

  SECTION("hung for longer than the lease") {
    server.pause();
    const auto lost = claim->lost();
    REQUIRE(eventually(kPatience, [&] { return !claim->held(); }));
    CHECK(eventually(1s, [&] { return lost.stop_requested(); }));
    server.resume();
    // A paused etcd's clock went on: it may or may not have expired the lease. Never
    // held without the key, and never held under another token.
    const bool back = eventually(5s, [&] { return claim->held(); });
    CHECK(back == pool.present(1));
    CHECK(claim->token() == token);
  }
  SECTION("restarted within the lease") {
    server.kill();
    server.start();
    CHECK_FALSE(eventually(6s, [&] { return !claim->held(); }));
    CHECK(pool.present(1));
  }
}

}  // namespace idetcd
