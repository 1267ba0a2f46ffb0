// The public Claim: moved from, ended from its own callback, and without a thread.
#include "support/fake_etcd.h"
#include "unit/claim/claim_world.h"

#include <idetcd/registration.h>
#include <idetcd/slot_claimer.h>
#include <catch2/catch.hpp>

#include <pthread.h>
#include <atomic>
#include <memory>
#include <optional>
#include <stop_token>

namespace idetcd {
namespace {

using testing::at;
using testing::eventually;
using testing::FakeEtcd;

struct Pool {
  Result<Claim> claim() const { return SlotClaimer(etcd, pattern, {}).claim(at(1)); }
  std::size_t records() const {
    return etcd->range({.keys = KeyRange::prefix("worker"), .count_only = true}, {})->count;
  }

  std::shared_ptr<FakeEtcd> etcd = std::make_shared<FakeEtcd>();
  PatternTemplate pattern = *PatternTemplate::parse("worker{{.ID}}.tf.local.", 3);
};

// While it lives no thread can be created: none has room for such a stack.
class NoThreads {
 public:
  NoThreads() {
    pthread_getattr_default_np(&before_);
    pthread_attr_t huge;
    pthread_attr_init(&huge);
    pthread_attr_setstacksize(&huge, std::size_t{1} << 46);
    REQUIRE(pthread_setattr_default_np(&huge) == 0);
    pthread_attr_destroy(&huge);
  }
  NoThreads(const NoThreads&) = delete;
  NoThreads& operator=(const NoThreads&) = delete;
  ~NoThreads() {
    pthread_setattr_default_np(&before_);
    pthread_attr_destroy(&before_);
  }

 private:
  pthread_attr_t before_{};
};

}  // namespace

TEST_CASE("a Claim that was moved from is not held and names nothing", "[claim]") {
  const Pool pool;
  auto claimed = pool.claim();
  REQUIRE(claimed.has_value());
  const Claim claim = std::move(*claimed);
  const Claim& moved_from = *claimed;
  CHECK(claim.held());
  CHECK_FALSE(moved_from.held());
  CHECK(moved_from.slot() == 0);
  CHECK(moved_from.name().empty());
  CHECK(moved_from.node_id().empty());
  CHECK(moved_from.lease() == 0);
  CHECK(moved_from.token() == 0);
  CHECK(moved_from.ttl().count() == 0);
  CHECK(moved_from.lost().stop_requested());
  CHECK(claimed->update(at(2)).error().code == ErrorCode::kLost);
  CHECK(claimed->release().error().code == ErrorCode::kLost);
  CHECK(pool.records() == 1);
}

TEST_CASE("a callback on lost() may release the Claim", "[claim][callback]") {
  const Pool pool;
  auto claim = pool.claim();
  REQUIRE(claim.has_value());
  std::atomic<bool> released{false};
  const std::stop_callback on_loss(claim->lost(), [&] { released = claim->release().has_value(); });
  pool.etcd->expire(claim->lease());
  REQUIRE(eventually([&] { return released.load(); }));
  CHECK_FALSE(claim->held());
  CHECK(claim->release().has_value());
}

TEST_CASE("a callback on lost() may destroy the Claim", "[claim][callback]") {
  const Pool pool;
  std::optional<Claim> claim;
  {
    auto claimed = pool.claim();
    REQUIRE(claimed.has_value());
    claim.emplace(std::move(*claimed));
  }
  std::atomic<bool> destroyed{false};
  const std::stop_callback on_loss(claim->lost(), [&] {
    claim.reset();
    destroyed = true;
  });
  pool.etcd->expire(claim->lease());
  REQUIRE(eventually([&] { return destroyed.load(); }));
}

TEST_CASE("without a thread to keep it, a slot just taken is given back", "[claim]") {
  const Pool pool;
  {
    const NoThreads none;
    const auto claim = pool.claim();
    REQUIRE_FALSE(claim.has_value());
    CHECK(claim.error().code == ErrorCode::kExhausted);
    const auto registration = Registration::start(pool.etcd, pool.pattern, {}, at(1));
    REQUIRE_FALSE(registration.has_value());
    CHECK(registration.error().code == ErrorCode::kExhausted);
  }
  CHECK(pool.records() == 0);
  CHECK(pool.etcd->leases() == 0);
  CHECK(pool.etcd->counts().lease_revoke == 1);
  CHECK(pool.claim().has_value());
}

}  // namespace idetcd
