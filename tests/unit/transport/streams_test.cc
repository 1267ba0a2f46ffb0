// The two streams against a server that answers as a test wants it: late, out of
// order, in parts, or as a real etcd does only once in a while.
#include <idetcd/etcd.h>
#include <catch2/catch.hpp>

#include <future>

#include "etcd.grpc.pb.h"
#include "scripted_stream.h"
#include "support/etcd_process.h"
#include "support/etcd_steps.h"

namespace idetcd::testing {
namespace {

using namespace std::chrono_literals;
namespace pb = etcdserverpb;

struct LeaseService final : pb::Lease::Service, ScriptedStream<pb::LeaseKeepAliveRequest, pb::LeaseKeepAliveResponse> {
  grpc::Status LeaseKeepAlive(grpc::ServerContext*, Wire* wire) override { return serve(wire); }

  bool answer_lease(LeaseId lease, std::int64_t ttl) {
    pb::LeaseKeepAliveResponse response;
    response.set_id(lease);
    response.set_ttl(ttl);
    return answer(response);
  }
};

std::future<Result<KeepAliveReply>> ask(Etcd& etcd, LeaseId lease, std::chrono::milliseconds timeout) {
  auto promise = std::make_shared<std::promise<Result<KeepAliveReply>>>();
  etcd.lease_keep_alive(lease, timeout,
                        [promise](Result<KeepAliveReply> reply) { promise->set_value(std::move(reply)); });
  return promise->get_future();
}

// Trust in a lease is counted from the sending of the request that was answered, so
// this would stretch it.
TEST_CASE("a late answer does not pass for that of a younger request") {
  LeaseService service;
  const ScriptedServer server(service);
  const auto etcd = connect_for_test({server.endpoint()});
  auto opening = ask(*etcd, 2, kPatience);  // first the stream, so that the short time is for the wire alone
  REQUIRE(service.has_requests(1));
  REQUIRE(service.answer_lease(2, 20));
  REQUIRE(opening.get());
  auto old = ask(*etcd, 1, 1s);
  auto other = ask(*etcd, 2, kPatience);
  REQUIRE(service.has_requests(3));
  REQUIRE(service.answer_lease(2, 20));  // so the server does not hang
  CHECK(other.get());
  CHECK(old.get().error().code == ErrorCode::kDeadlineExceeded);

  auto young = ask(*etcd, 1, kPatience);
  REQUIRE(service.has_requests(4));
  REQUIRE(service.answer_lease(1, 7));  // to the old one
  auto fence = ask(*etcd, 2, kPatience);
  REQUIRE(service.has_requests(5));
  REQUIRE(service.answer_lease(2, 20));
  REQUIRE(fence.get());
  CHECK(young.wait_for(0s) == std::future_status::timeout);
  REQUIRE(service.answer_lease(1, 9));
  CHECK(young.get()->ttl == 9s);
  CHECK(service.opened() == 1);
}

TEST_CASE("an answer that nobody waits for is dropped") {
  LeaseService service;
  const ScriptedServer server(service);
  const auto etcd = connect_for_test({server.endpoint()});
  auto asked = ask(*etcd, 1, kPatience);
  REQUIRE(service.has_requests(1));
  REQUIRE(service.answer_lease(99, 1));
  REQUIRE(service.answer_lease(1, 5));
  CHECK(asked.get()->ttl == 5s);
}

struct WatchService final : pb::Watch::Service, ScriptedStream<pb::WatchRequest, pb::WatchResponse> {
  grpc::Status Watch(grpc::ServerContext*, Wire* wire) override { return serve(wire); }

  std::int64_t id_of(std::size_t request) { return requests().at(request).create_request().watch_id(); }

  bool answer_created(std::int64_t id, const std::string& refusal = {}) {
    pb::WatchResponse response;
    response.set_watch_id(id);
    response.set_created(true);
    response.set_canceled(!refusal.empty());
    response.set_cancel_reason(refusal);
    return answer(response);
  }

  bool answer_events(std::int64_t id, const std::vector<Revision>& revisions, bool more_follows) {
    pb::WatchResponse response;
    response.set_watch_id(id);
    response.set_fragment(more_follows);
    for (const auto revision : revisions) response.add_events()->mutable_kv()->set_mod_revision(revision);
    return answer(response);
  }
};

TEST_CASE("a refusal under the id -1 goes to the watch that is next in line") {
  WatchService service;
  const ScriptedServer server(service);
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

TEST_CASE("parts are given on as whole revisions") {
  WatchService service;
  const ScriptedServer server(service);
  const auto etcd = connect_for_test({server.endpoint()});
  const WatchLog log(*etcd, {KeyRange::one("a"), 1});
  REQUIRE(service.has_requests(1));
  CHECK(service.requests()[0].create_request().fragment());
  const auto id = service.id_of(0);
  REQUIRE(service.answer_created(id));
  REQUIRE(service.answer_events(id, {1, 2, 2}, true));
  REQUIRE(service.answer_events(id, {2, 2}, true));
  REQUIRE(service.answer_events(id, {2, 3}, true));
  REQUIRE(service.answer_events(id, {3}, false));
  REQUIRE(log.has_events(8));
  std::vector<std::vector<Revision>> batches;
  for (const auto& batch : log.batches()) {
    auto& revisions = batches.emplace_back();
    for (const auto& event : batch.events) revisions.push_back(event.kv.mod_revision);
  }
  CHECK(batches == std::vector<std::vector<Revision>>{{}, {1}, {2, 2, 2, 2, 2}, {3, 3}});
}

TEST_CASE("a destroyed watch is cancelled at the server, and late news of it dropped") {
  WatchService service;
  const ScriptedServer server(service);
  const auto etcd = connect_for_test({server.endpoint()});
  WatchLog log(*etcd, {KeyRange::one("a"), 0});
  REQUIRE(service.has_requests(1));
  const auto id = service.id_of(0);
  log.stop();
  REQUIRE(service.has_requests(2));
  CHECK(service.requests()[1].cancel_request().watch_id() == id);
  REQUIRE(service.answer_created(id));
  REQUIRE(service.answer_events(id, {5}, false));

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
