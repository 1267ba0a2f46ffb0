// The two streams against a server that answers as a test wants it: late, out of
// order, in parts, or as a real etcd does only once in a while.
#include <idetcd/etcd.h>
#include <catch2/catch.hpp>

#include <future>

#include "scripted_etcd.h"
#include "support/etcd_steps.h"
#include "support/eventually.h"

namespace idetcd::testing {
namespace {

using namespace std::chrono_literals;

// One try; false when this machine was so slow that the young request went over a stream of
// its own, where nothing could be mixed up.
bool late_answer_goes_to_the_old_request() {
  ScriptedEtcd server;
  auto& service = server.lease;
  const auto etcd = connect_for_test({server.endpoint()});
  auto opening = ask(*etcd, 2, kPatience);  // first the stream, so that the short time is for the wire alone
  REQUIRE(service.has_requests(1));
  REQUIRE(service.answer_lease(2, 20));
  REQUIRE(opening.get());
  auto old = ask(*etcd, 1, 100ms);
  auto other = ask(*etcd, 2, kPatience);
  REQUIRE(service.has_requests(3));
  REQUIRE(service.answer_lease(2, 20));  // so the member does not hang
  if (!other.get() || old.get().error().code != ErrorCode::kDeadlineExceeded) return false;
  auto young = ask(*etcd, 1, kPatience);
  auto fence = ask(*etcd, 2, kPatience);
  REQUIRE(service.has_requests(5));
  if (service.opened() > 1) return false;
  REQUIRE(service.answer_lease(1, 7));  // to the old one
  REQUIRE(service.answer_lease(2, 20));
  REQUIRE(fence.get());
  CHECK(young.wait_for(0s) == std::future_status::timeout);
  REQUIRE(service.answer_lease(1, 9));
  CHECK(young.get()->ttl == 9s);
  return true;
}

// Trust in a lease is counted from the sending of the request that was answered, so
// this would stretch it.
TEST_CASE("a late answer does not pass for that of a younger request") {
  CHECK(eventually(late_answer_goes_to_the_old_request));
}

TEST_CASE("an answer that nobody waits for is dropped") {
  ScriptedEtcd server;
  auto& service = server.lease;
  const auto etcd = connect_for_test({server.endpoint()});
  auto asked = ask(*etcd, 1, kPatience);
  REQUIRE(service.has_requests(1));
  REQUIRE(service.answer_lease(99, 1));
  REQUIRE(service.answer_lease(1, 5));
  CHECK(asked.get()->ttl == 5s);
}

TEST_CASE("a refusal under the id -1 goes to the watch that is next in line") {
  ScriptedEtcd server;
  auto& service = server.watch;
  const auto etcd = connect_for_test({server.endpoint()});
  const WatchLog first(*etcd, {KeyRange::one("a"), 0});
  const WatchLog second(*etcd, {KeyRange::one("b"), 0});
  const WatchLog third(*etcd, {KeyRange::one("c"), 0});
  REQUIRE(service.has_requests(3));
  REQUIRE(service.answer_created(service.id_of(0)));
  REQUIRE(service.answer_created(-1, "etcdserver: permission denied"));
  REQUIRE(service.answer_created(service.id_of(2)));
  CHECK(first.established());
  REQUIRE(second.has_ended());
  CHECK(second.end()->code == ErrorCode::kDenied);
  CHECK(third.established());
  CHECK_FALSE(first.end());
}

TEST_CASE("a destroyed watch is cancelled at the server, and late news of it dropped") {
  ScriptedEtcd server;
  auto& service = server.watch;
  const auto etcd = connect_for_test({server.endpoint()});
  WatchLog log(*etcd, {KeyRange::one("a"), 0});
  REQUIRE(service.has_requests(1));
  const auto id = service.id_of(0);
  log.stop();
  REQUIRE(service.answer_created(id));  // only now it has an id to cancel
  REQUIRE(service.has_requests(2));
  CHECK(service.requests()[1].cancel_request().watch_id() == id);
  REQUIRE(service.answer_events(id, {5}));

  const WatchLog next(*etcd, {KeyRange::one("b"), 0});
  REQUIRE(service.has_requests(3));
  CHECK(service.id_of(2) != id);
  REQUIRE(service.answer_created(service.id_of(2)));
  CHECK(next.established());
  CHECK(log.batches().empty());
  CHECK(service.opened() == 1);
}

}  // namespace
}  // namespace idetcd::testing
