// Nodes that come back: sticky slots and state files, on a real etcd.
#include "integration/claim_pool.h"
#include "support/eventually.h"

#include <catch2/catch.hpp>

#include <sys/wait.h>
#include <unistd.h>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace idetcd {
namespace {

using namespace std::chrono_literals;
using testing::at;
using testing::ClaimPool;
using testing::eventually;
using testing::TemporaryFolder;

}  // namespace

TEST_CASE("a sticky node gets its slot back, and nobody else before", "[claim][sticky]") {
  ClaimPool pool(5);
  ClaimPool sticky = pool;
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
  ClaimPool pool(5);
  pool.options.state_dir = folder.path();
  auto claim = pool.claim();
  REQUIRE(claim.has_value());
  CHECK(pool.claim().error().message.find("another live process") != std::string::npos);
}

TEST_CASE("a released claim leaves its state file to the next, which goes for the same slot", "[claim][sticky]") {
  const TemporaryFolder folder("state");
  ClaimPool pool(5);
  auto first = pool.claim();
  REQUIRE(first.has_value());
  ClaimPool stateful = pool;
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
  ClaimPool pool(5);
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

constexpr auto kTtl = 60s;  // longer than it takes to kill the child and to claim again

// The killed process is a child that runs this hidden test.
TEST_CASE("claim and hang", "[.claim-and-hang]") {
  ClaimPool pool(5);
  pool.options.path = std::getenv("CLAIM_PATH");
  pool.options.state_dir = std::getenv("CLAIM_STATE");
  pool.options.ttl = kTtl;
  auto claim = pool.claim();
  REQUIRE(claim.has_value());
  for (;;) ::pause();
}

TEST_CASE("a state file resumes the lease of a process that was killed", "[claim][sticky]") {
  const TemporaryFolder folder("state");
  ClaimPool pool(5);
  pool.options.state_dir = folder.path();
  pool.options.ttl = kTtl;
  ::setenv("CLAIM_PATH", pool.options.path.c_str(), 1);
  ::setenv("CLAIM_STATE", folder.path().c_str(), 1);
  const std::string endpoint = testing::test_endpoints().front();
  const pid_t child = ::fork();
  if (child == 0) {
    ::setenv("IDETCD_TEST_ENDPOINTS", endpoint.c_str(), 1);
    ::execl("/proc/self/exe", "integration_claim", "[.claim-and-hang]", nullptr);
    ::_exit(1);
  }
  REQUIRE(eventually([&] { return pool.present(1); }));
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
  ClaimPool pool(5);
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

}  // namespace idetcd
