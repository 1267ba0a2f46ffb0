// Claims that are kept up, on a real etcd.
#include "integration/claim_pool.h"
#include "support/eventually.h"

#include <catch2/catch.hpp>

#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace idetcd {
namespace {

using namespace std::chrono_literals;
using testing::at;
using testing::ClaimPool;
using testing::eventually;

}  // namespace

TEST_CASE("a registration claims again after loss", "[claim][registration]") {
  const ClaimPool pool(3);
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
  auto started = Registration::start(pool.etcd, pool.pattern, options, at("10.0.0.1"));
  REQUIRE(started.has_value());
  Registration& registration = *started;
  REQUIRE(eventually([&] { return length() == 1; }));
  pool.put_foreign(1);
  REQUIRE(eventually([&] { return length() == 3; }));
  CHECK(registration.held());
  REQUIRE(registration.update(at("10.0.0.3")).has_value());
  REQUIRE(registration.release().has_value());
  CHECK_FALSE(pool.present(2));
  CHECK(story == std::vector<std::string>{"claimed worker1.tf.local.", "lost", "claimed worker2.tf.local."});
}

TEST_CASE("several roles in one process, over one connection", "[claim][registration]") {
  const ClaimPool pool(3);
  std::mutex mutex;
  std::set<std::string> claimed;
  std::vector<Registration> roles;
  for (const char* role : {"ps{{.ID}}.tf.local.", "worker{{.ID}}.tf.local.", "chief{{.ID}}.tf.local."}) {
    RegistrationOptions options;
    options.claim = pool.options;
    options.claim.node_id = "host-1";  // one node; each pool knows it by itself
    options.on_claimed = [&](const Ownership& owned) {
      std::lock_guard lock(mutex);
      claimed.insert(owned.name);
    };
    auto started = Registration::start(pool.etcd, *PatternTemplate::parse(role, 3), options, at("10.0.0.1"));
    REQUIRE(started.has_value());
    roles.push_back(std::move(*started));
  }
  CHECK(eventually([&] {
    std::lock_guard lock(mutex);
    return claimed == std::set<std::string>{"chief1.tf.local.", "ps1.tf.local.", "worker1.tf.local."};
  }));
}

TEST_CASE("a registration says when it has ended for good", "[claim][registration]") {
  const ClaimPool pool(1);
  auto claim = pool.claim();
  REQUIRE(claim.has_value());
  std::atomic<bool> full{false};
  RegistrationOptions options;
  options.claim = pool.options;
  options.on_ended = [&](const Error& error) { full = error.code == ErrorCode::kFull; };
  auto started = Registration::start(pool.etcd, pool.pattern, options, at("10.0.0.1"));
  REQUIRE(started.has_value());
  CHECK(eventually([&] { return full.load(); }));
}

}  // namespace idetcd
